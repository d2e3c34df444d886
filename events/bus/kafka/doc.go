// Package kafka is the only client of the brokers: frames in, events out.
//
// A subscriber hands out frames: as many consecutive records of a partition as
// are there, at most 1,000 of them or 1 MiB, in one Watermill message whose
// payload [jangbu/events.DecodeFrame] reads. It never waits for more, and a
// record that is longer than 1 MiB comes alone.
//
// Invariants:
//   - Frames of a partition are handed out in offset order, one at a time: the
//     next one only after the last one was acknowledged (I3).
//   - The committed offset is never ahead of what was acknowledged (I1). It may
//     be behind: after a kill or a rebalance, frames come again.
//   - A rebalance never waits for a handler. What that handler still does with
//     its frame is harmless, for all that stands before the frame in its
//     partition has been acknowledged; its acknowledgement counts for nothing.
//   - Records that were lost to retention before they were read, and partitions
//     that start again at a lower offset, are reported as a [Gap].
//
// While brokers are away a subscriber tries again for as long as it is open and
// says so once for each error. Producers give up after a few seconds and return
// the error. No record is ever part of an error or a log line (I10).
package kafka
