// Package health exports the metrics of a process, judges its readiness, and asks a process for it.
//
// [New] returns the handler of the administrative listener: /metrics from the collectors of the
// parts, /readyz from what each part says of itself. [Command] asks for the latter. [Liveness] is
// how far what is served is behind the log, for the streams of the read API.
//
// What claims to be current says so only while it is (I15):
//   - What is exported of the log, the projections and the leases is read from the databases at
//     each scrape, within 2 s: a process that leads, one that was the leader and one that never was
//     export the same values (TestEveryProcessTellsTheSameOfTheProjections). How far the topics have
//     been read is what the log and the brokers say at the scrape, or at most a second before.
//   - What does not answer is not exported, and jangbu_connected says so. Of brokers it says nothing
//     while the log is away, which says how far their topics have been read.
//   - A part is ready while it does what it is for, by what it last managed to do, and not by
//     whether it is connected (TestReadiness): ingest is not while a frame fails again and again, as
//     on a full disk; sources are not while brokers do not answer, a topic is not there, or a
//     partition is not read; project is not while it fails, or while an event waits to be folded for
//     more than 30 s, because the projection is paused or for any other reason.
//   - What another process may have taken over makes no part unready for more than 30 s.
//
// The way from topic to row is measured by a [Canary], and not by sampled records: a producer's
// clock stamps these, and where none comes they cannot tell a pipe that stands from one that is idle.
// A canary is a record without a value, which could never be an event, and so becomes none: ingest
// passes over it, and the log only notes that its partition was read so far. It is served once the
// rows hold every event that the log has after that. So it shows that the brokers take records, that
// a consumer reads them, that the log takes transactions, and that nothing waits to be folded
// (TestCanary); that rows can be written is shown only where an event waits. Of one topic of four one
// partition has canaries; the others are judged by jangbu_source_stalled_seconds. A release that does
// not know canaries buries one as malformed, where it runs beside this one.
//
// A process that only serves stays ready while rows are behind: its answers say so themselves. It
// notes what it knows. So do all of a Redis that is away, which makes reads slower and nothing else.
//
// Two labels have values that are not ours: the topic, which is configured, and the owner of a
// lease, of which there is one at a time. A topic has 257 values of partition at most.
package health
