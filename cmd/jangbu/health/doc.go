// Package health exports the metrics of a process and judges its readiness.
//
// [New] returns the handler of the administrative listener: /metrics from the collectors of the
// parts, /readyz from what each part says of itself. [Liveness] is how far what is served is
// behind the log, for the streams of the read API. The package starts nothing; what it reads from
// the databases it reads when it is asked, within 2 s.
package health
