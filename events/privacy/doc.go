// Package privacy keeps phone numbers out of everything that is stored (I10). It
// owns the master key, the pseudonyms and the sealing of dead letters.
//
// [events.NormalizePhone] brings a number to its E.164 form, and [Keeper] makes a
// pseudonym of it: HMAC-SHA-256 under a random key of its campaign. The same number
// in two campaigns has two pseudonyms, and without the key no number can be tried
// out. The campaigns' keys are in an [events.Keys] store apart from the log,
// wrapped by the [MasterKey]. A record that cannot become an event may still hold
// a number, so it is sealed as a whole.
//
// It promises that
//   - a key is durable before a pseudonym made with it is returned, so no crash
//     leaves events in the log whose key is lost;
//   - all processes agree on a campaign's key: the first to add it wins, and the
//     others read that one;
//   - every process forgets a destroyed key within a minute. From then on
//     registrations are kept without a pseudonym, and no total changes;
//   - a damaged entry of the key store stops the registrations of its campaign only;
//   - the master key is rotated while keepers work ([Keeper.Rotate]): pseudonyms stay the
//     same, every sealed record can be opened and keeps its ID, and until
//     [Keeper.Finish] the former master key and the new one open everything. A process
//     that has slept through both returns an error, and adds nothing
//     (TestRotation, TestRotationUnderWay, TestUnnoticedRotation);
//   - a key store that takes the place of a lost one is noticed ([CheckKeys]);
//   - no error, and no way of printing, logging or marshalling a value of this
//     package, shows a number or a key.
//
// If the key store fails, calls return its error, and no key or pseudonym that is
// not durable; callers retry. [Open] returns [ErrMasterKey] if the master key does
// not fit the store, before it writes anything with it.
package privacy
