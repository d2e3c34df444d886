// Package bench measures this machine: read drives the read API, ingest takes registrations from
// topics to log and rows, replay folds a large log.
//
// Each measures beside a bare equivalent that moves the same bytes (a handler that writes the
// same responses, a COPY of the same rows, a query that reads them), in alternation, so that the
// ratio means more than the machine. The clients of read run in a process of their own; ingest
// runs the very parts of jangbu serve. Every measurement has a directory, a database and topics
// of its own, which are removed in the end, also after an error or an interruption
// (TestBenchIngestInterrupted).
//
// An error of what is measured ends the measurement; no figure is printed then.
package bench
