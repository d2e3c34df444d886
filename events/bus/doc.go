// Package bus carries Kafka records into the log through a Watermill router,
// with one ingest handler for each topic, and lets a scheduled handler for each
// channel API poll it and publish what it says to the topic of its type.
//
// A message of the router is a frame: consecutive records of one partition. The
// handler decodes each record strictly, turns phone numbers into pseudonyms,
// appends what is good in one call and buries what cannot become an event. A
// [Retrier] tries what was buried again, by the same code.
//
// Invariants:
//
//   - I1: a frame is acknowledged only when every record of it is in the log or
//     among the dead letters. Whatever is delivered again comes out as a
//     duplicate.
//   - I3: a partition's next frame is not touched before the last one is acknowledged.
//   - I5: received = appended + duplicate + dead-lettered. A bad record never
//     holds up its neighbours: they are appended first.
//   - I10: nothing that may hold a phone number reaches a log line.
//
// Failures: when the database or the key store fails, the frame is delivered
// again until it succeeds, and its partition waits; no good record ever becomes
// a dead letter for it. A corrupt log ends [Router.Run]. A poll that cannot
// publish keeps what it learned, and asks nobody until that is published.
package bus
