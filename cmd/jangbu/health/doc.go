// Package health exports the metrics of a process and judges its readiness.
//
// [New] returns the handler of the administrative listener: /metrics from the collectors of the
// parts, /readyz from what each part says of itself. [Liveness] is how far what is served is
// behind the log, for the streams of the read API.
//
// What is exported of the log, the projections and the leases is read from the databases at each
// scrape, within 2 s: a process that leads, one that was the leader and one that never was export
// the same values (I15, TestEveryProcessTellsTheSameOfTheProjections). What cannot be read is not
// exported, and jangbu_connected says so. Two labels have values that are not ours: the topic,
// which is configured, and the owner of a lease, of which there is one at a time.
package health
