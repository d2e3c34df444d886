// Package httpapi is the read API: thin routes over [readmodel.Reader].
//
//	GET /api/events/{id}/analytics   one campaign's dashboard
//	GET /healthz                     the process answers
//	GET /readyz                      every part works
//
// Query parameters of the dashboard: tz (an IANA time zone whose offset is a
// whole number of hours) and interval (hour or day).
//
// Errors are problem details (RFC 9457) from one table, [problemOf]: a known
// error has its own type, status and title, anything else is a 500 that tells
// the reader nothing and the log everything. A request that was given up by its
// client is not an error. No handler writes, calls a channel API or waits for
// the event log.
package httpapi
