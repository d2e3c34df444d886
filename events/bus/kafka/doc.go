// Package kafka is the only client of the brokers. It owns how partitions are cut into
// frames, how offsets are committed, the settings of both directions, and the creation
// of topics.
//
// A subscriber delivers frames: as many consecutive records of a partition as are there,
// at most 1,000 of them or 1 MiB, in one Watermill message whose payload
// [jangbu/events.DecodeFrame] reads. It never waits for more, and a record longer than
// 1 MiB comes alone.
//
// Invariants:
//   - Frames of a partition are delivered in offset order, one at a time: the next one
//     only after the last one was acknowledged (I3).
//   - The committed offset is never ahead of what was acknowledged (I1). It may be
//     behind: after a kill or a rebalance, frames come again.
//   - A rebalance never waits for a handler. The handler may finish its frame without
//     harm, because every record before the frame in its partition is acknowledged; its
//     own acknowledgement is ignored.
//   - Records that retention deleted before they were read, and partitions that start
//     again at a lower offset, are reported as a [Gap].
//
// Failures: while no broker can be reached, a subscriber tries again for as long as it is
// open and logs each kind of error once a minute. Producers give up after a few seconds
// and return the error. No error and no log line holds a record (I10).
package kafka
