// Package gauntlet runs the program, in several processes on Apache Kafka, PostgreSQL and Redis,
// under every fault that can be made on one machine, and judges what comes out.
//
// It owns the traffic, whose every record says what must become of it ([Traffic]); the record
// of a run ([Line]), a directory that can be judged again; and the judge ([Judge]), which knows
// nothing of the program: it reads the topics as they are, the exported log, the dead letters
// and the answers of the API, and compares them by arithmetic of its own.
//
// The run itself is a test behind the build tag gauntlet, which ./scripts/gauntlet starts.
// README.md lists its faults and operations, and the bugs that it has found.
//
// A run is seeded: the traffic and the order of faults and operations are the seed's. When they
// meet is the machine's, so a seed does not bring a bug back for certain; the recorded run does
// not change, and neither does the verdict on it.
package gauntlet
