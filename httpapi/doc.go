// Package httpapi is the read API: thin routes over [readmodel.Reader]. It owns the routes,
// the limits of callers, the one table from errors to statuses, and the contract.
//
//	GET /api/events/{id}/analytics            one campaign's dashboard, now or as it was (asOf)
//	GET /api/events/{id}/analytics/stream     the same, and what changes in it, as server-sent events
//	GET /api/events/{id}/analytics/evidence   what a number of it is made of
//	GET /api/events/{id}/digest               how the campaign goes, in a sentence
//	GET /api/stores/{storeId}/events          a shop's campaigns with their four numbers, page by page
//	GET /openapi.yaml                         the contract of these routes
//	GET /, /assets/…                          the page for owners, of package dashboard
//
// [NewAdmin] serves operators' tools on a listener of its own: metrics, health and
// readiness. The public listener serves none of them.
//
// Package auth identifies callers by their tokens. Package accesslog writes down who was shown
// what, of the [Observation] of each request.
//
// # Invariants
//
//   - I9: an encoded dashboard is served again only as long as [readmodel.Freshness]
//     reports that its rows are current, and no figure has become stale since.
//   - I12: every query carries the scope of the token, and the scope is checked again on
//     what is kept from an earlier query. Streams of one view share what is read for all
//     of them; each checks it by its own scope, and its token every second. The response
//     for another shop's campaign equals that for a missing one, to the byte.
//   - I15: a stream says how far what it shows is behind ([Liveness]), within 5 s of that,
//     and every 5 s that it is alive.
//   - The contract in openapi.yaml and the routes are the same (TestRoutesAreTheContract),
//     and every test of this package checks its responses by the contract.
//
// # Failures
//
// Errors are problem details (RFC 9457) from one table, [problemOf]. A known error has its
// own type, status and title; any other is a 500 without detail whose error is logged. A
// database that is away is a 503. Why a token is refused only the observation says. A
// request that its client gave up is no error. A caller over its rate or its share gets 429,
// and any caller over the common bounds 503, both with Retry-After. No handler writes or calls
// a channel API. Only a request about the past (asOf) and one for the events behind a number
// read the log: four at once, in turns of the subjects, each for at most 10 s.
//
// # Limits
//
// A request is paid from the bounds of its subject, shop and address, or from none of them
// ([Limits]). What is not known to be a caller's, as junk and new tokens, has bounds of its
// own. The address is that of the client behind the proxies that are trusted. A request that
// waits holds no share of those at work.
package httpapi
