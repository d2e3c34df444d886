// Package wooridongnetv is a client of 우리동네TV's API for statistics:
//
//	GET {base}/stats/{eventId}
//	X-API-Key: …
//
//	{"impressions": 5000, "views": 1200}
//
// It asks once; when to ask, and again, is up to package channels. An answer is
// believed whole or not at all (I8): it is decoded strictly, no redirect is
// followed, and what it does not mention stays unknown.
package wooridongnetv
