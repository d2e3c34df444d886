// Package tracing makes traces of the service (OpenTelemetry): of a record from Kafka to its
// rows, and of a request to the databases. It owns the spans and what links them.
//
// A span holds no key, no value and no header of a record but its trace context, and no
// parameter of a statement (I10). Spans wait in a bounded queue; while the collector cannot be
// reached they are dropped, and nothing waits for it.
package tracing
