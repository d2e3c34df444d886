// Package sns is a client of the API that gathers the social networks, three
// channels in one answer:
//
//	GET {base}/posts/{eventId}/insights
//	Authorization: Bearer …
//
//	{"instagram": {"likes": 300, "comments": 50}, "naver": {"views": 2000}, "kakao": {"shares": 100}}
//
// It asks once; when to ask, and again, is up to package channels. An answer is
// believed whole or not at all (I8): it is decoded strictly, no redirect is
// followed, and what it does not mention stays unknown. One wrong figure of one
// network makes the whole answer invalid.
package sns
