// Package bus is the Watermill router. It owns the ingest handler of each topic, which
// takes Kafka records into the log, and the scheduled handler of each channel API, which
// polls it and publishes what it reports.
//
// A message of an ingest handler is a frame: consecutive records of one partition. The
// handler decodes each record strictly, turns phone numbers into pseudonyms, appends the
// good records in one call and buries the others as dead letters. A [Retrier] tries dead
// letters again, by the same code.
//
// Invariants:
//
//   - I1: a frame is acknowledged only after each of its records is in the log or among
//     the dead letters. A record that is delivered again is a duplicate.
//   - I3: the next frame of a partition is decoded while one is being written, and written
//     after it (TestTheNextFrameIsReadyWhileOneIsWritten). Where the log then has not read
//     the one before, because it failed or has records to bury, the log refuses the next one.
//   - I5: received = appended + duplicate + dead-lettered. Good records are appended
//     before bad ones are buried, so a bad record never delays a good one.
//   - I10: nothing that may hold a phone number is logged.
//
// Frames are decoded by one handler less at once than there are processors, of all topics
// together. With a decoder on each of two processors an append waited up to 28 ms for the answers of
// the database to its first statements, which then took 0.5 ms.
//
// Failures: while the database or the key store fails, a frame is delivered again until
// it succeeds, and its partition waits; the failure makes no dead letter of a good
// record. One line tells when this begins, and one when it ends; what becomes dead letters
// is told once a minute for each topic and reason. A corrupt log and a panic of a handler end [Router.Run]. A poller whose reports
// cannot be published keeps them, and polls again after they are published.
package bus
