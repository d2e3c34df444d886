// Package genietv is a client of 지니TV's API for statistics:
//
//	GET {base}/campaign/{eventId}/stats
//	X-API-Key: …
//
//	{"adImpressions": 10000, "clicks": 500}
//
// It asks once; when to ask, and again, is up to package channels. An answer is
// believed whole or not at all (I8): it is decoded strictly, no redirect is
// followed, and what it does not mention stays unknown.
package genietv
