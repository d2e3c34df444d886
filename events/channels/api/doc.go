// Package api is the HTTP client of the channels' APIs. It owns the connection, the
// judgement of an answer and the errors of a call; one file for each API adds its path,
// its header and the decoding of its body. Package channels decides when to call.
//
// Invariants:
//
//   - I8: [Client.Fetch] returns figures only of an answer with status 200 whose body
//     is strict JSON of at most 1 MiB and 32 levels. One wrong figure makes the whole
//     answer invalid. A figure that the answer does not mention stays unknown.
//   - Only the configured host is called: no redirect is followed, no proxy is used, and
//     no name may resolve to this machine (unless the base URL names it), to link-local
//     addresses or to a cloud's metadata. A campaign's name stays one path element.
//   - A [Secret] shows as "***" in every log line, format and encoding.
//
// Failures: every error of Fetch wraps a sentinel of package channels, and the context's
// error where the context ended. It never quotes the answer. A call is made once; the
// time that Retry-After asks for is in the error (channels.RetryAfterError).
package api
