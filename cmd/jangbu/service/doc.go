// Package service is the program as a value: [Start] starts the parts that a [Config] asks
// for and wires them, [Service.Wait] runs them until they are told to stop or one fails,
// [Service.Close] stops them against the flow of events, so that each finds what it needs.
//
// A part is what --role names: ingest takes records from Kafka into the log, project folds
// the log into rows, poll asks the channels' APIs, api answers over HTTP. Beside them are
// what every process has: the admin listener with metrics and health. With
// nothing configured the broker, the databases and Redis run embedded, and port 0 is any
// free one, so that a test, a demo or a measurement runs the same program.
//
// A service that is told to stop is drained first: /readyz turns, the API goes on for --drain,
// then streams end, and no connection is reset (TestDrain).
//
// It promises that the parts come up in the order in which they need each other and that
// Start leaves nothing running when it fails; that nothing outlives Close; and that of
// several processes one polls and one folds, under leases. The one that folds also audits:
// it compares every campaign with the log within --audit-within, and has one that is wrong
// folded anew (I6).
//
// A configuration that cannot work is one [cli.ErrUsage] that names every flag concerned. A
// part that fails later ends the service with its error; a channel or a Redis that fails does
// not. What a metric or /readyz says is read from the stores, so it is true of all processes.
package service
