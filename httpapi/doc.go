// Package httpapi is the read API: thin routes over [readmodel.Reader].
//
//	GET /api/events/{id}/analytics          one campaign's dashboard, now or as it was (asOf)
//	GET /api/events/{id}/analytics/stream   the same whenever it changes, as server-sent events
//	GET /api/stores/{storeId}/events        a shop's campaigns with their four numbers, page by page
//	GET /openapi.yaml                       the contract of all this
//	GET /, /assets/…                        the page for owners, of package dashboard
//
// [NewAdmin] is what operators' tools are served, on a listener of its own: metrics,
// health and readiness. Nothing of it is on the public one.
//
// Who asks is told by a bearer token (JWT): HS256 by a shared secret, or RS256,
// ES256, EdDSA by a key set. A token never decides which address is asked or how a
// key is used, and why one was refused is in the log at level debug only.
//
// # Invariants
//
//   - I9: what has been encoded is given again only as long as the [readmodel.Freshness]
//     says that its rows are current, and no figure has become stale meanwhile.
//   - I12: the scope of the token goes into every query, and what is kept from an
//     earlier one is measured by it again. What is foreign is answered, to the byte,
//     as what is missing.
//   - The contract in openapi.yaml and the routes are the same (TestRoutesAreTheContract),
//     and every answer in every test of this package is judged by it.
//
// # Failure
//
// Errors are problem details (RFC 9457) from one table, [problemOf]: a known error
// has its own type, status and title, anything else is a 500 that tells the reader
// nothing and the log everything. A request that was given up by its client is not
// an error. Who asks too often gets 429, and whoever comes when too much is asked at
// once 503, both with Retry-After. No handler writes or calls a channel API, and only one
// that looks back (asOf) waits for the event log: two at once, for seconds at most.
package httpapi
