// Package auth identifies the callers of the read API by their tokens. It owns the keys
// that verify tokens, the claims that are read, and the roles.
//
// A bearer token (JWT) identifies a caller: HS256 by a shared secret, or RS256, ES256,
// EdDSA by a key set. A cookie may hold it, where that is configured, for requests that the
// host's own pages make. A token never determines an address to fetch or how a key is used.
//
// # Invariants
//
//   - I12: without a valid token there is no identity, and without a role no scope. A token
//     is verified again as soon as the keys have changed.
//   - I14: tokens, key sets and what is remembered of them are bounded.
//
// # Failures
//
// A refused token is [ErrUnauthorized], whatever is wrong with it. The error's text is the
// reason, which never quotes the token: it is for logs, and no client is told it. While the host of a key set fails, the last
// keys stay in use.
package auth
