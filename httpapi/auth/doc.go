// Package auth identifies the callers of the read API by their tokens. It owns the keys
// that verify tokens, the claims that are read, and the roles.
//
// A bearer token (JWT) identifies a caller: HS256 by a shared secret, or RS256, ES256,
// EdDSA by a key set. A cookie may hold it, where that is configured, for requests that the
// host's own pages make. A token never determines an address to fetch or how a key is used.
//
// # Invariants
//
//   - I12: without a valid token there is no identity, and without a role no scope. All of a
//     token but its signature is checked first, which costs little; one that has been verified
//     is known by its hash until it expires or its key is no longer one of the keys. A right
//     that is withdrawn ([Verifier.Withdraw]) is lost by the tokens issued before; where it
//     cannot be told which person lost it, by those of every subject that identifies a person.
//   - I14: tokens, key sets and what is remembered of them are bounded.
//   - I15: no request waits for a key set, which is fetched beside them.
//
// # Failures
//
// A refused token is [ErrUnauthorized], whatever is wrong with it. The error's text is the
// reason, which never quotes the token: it is for logs, and no client is told it. One whose key
// is unknown is [ErrKeyComing] while the fetch that it has caused is under way. While the host
// of a key set fails, or a secret cannot be read, the last keys stay in use.
package auth
