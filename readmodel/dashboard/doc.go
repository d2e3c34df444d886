// Package dashboard is the arithmetic and the JSON of what an owner sees: the
// [Dashboard] of one campaign and the [Card] of it in the list of a shop. It is
// pure: it does no I/O and reads no clock, and the stores of rows do not compile it.
//
// # Invariants
//
//   - Unknown is not zero (I8). A figure that no channel reported, an amount that
//     the owner did not give and a ratio without a divisor are null. Only in sums do
//     they count as 0, and a channel that never answered is marked unavailable.
//   - Money is integer won (I11). A sum that does not fit is null, and so is all that
//     depends on it. Ratios are computed with integers and rounded once: they are
//     finite, or null.
//   - Pages of cards begin after the last card of the page before. A campaign that
//     changes between two pages, but not in what they are sorted by, is on one of them.
//   - A dashboard and a card depend on rows and [View] alone. The same rows give
//     the same JSON whichever store they come from; marshal with sorted map keys,
//     as encoding/json does, for the same bytes.
//
// # Failure
//
// [New] cannot fail: [View.Validate] refuses beforehand a time zone in which a
// dashboard would be wrong, and a trend that would end before it begins. [Cards]
// returns [ErrListing] for a listing that does not exist, [Assumptions.Validate]
// [ErrAssumption] for an amount that does not.
package dashboard
