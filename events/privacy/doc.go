// Package privacy keeps phone numbers out of everything that is stored (I10).
//
// A number is brought to its E.164 form by [NormalizePhone] and becomes a
// pseudonym: HMAC-SHA-256 under a random key of its campaign. The same number
// in two campaigns has two pseudonyms, and without the key nobody can try out
// numbers. The campaigns' keys live in an [events.Keys] store apart from the
// log, wrapped by the [MasterKey]. A record that cannot become an event may
// still hold a number, so it is sealed whole.
//
// It holds that
//   - a key is durable before a pseudonym made with it is returned, so that no
//     crash leaves events in the log whose key is lost;
//   - any number of processes agree on a campaign's key: who adds it first wins
//     and the others read the winner's;
//   - a destroyed key is forgotten by every process within a minute. From then
//     on registrations are kept without a pseudonym, and no total changes;
//   - no error, and no way of printing, logging or marshalling a value of this
//     package, shows a number or a key.
//
// When the key store fails, calls return its error and nothing is returned that
// was not durable; callers retry. A master key that does not fit the store is
// found at [Open], before anything is written with it.
package privacy
