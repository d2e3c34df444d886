// Package dashboard computes what an owner sees from the rows of a campaign. It does no I/O
// and reads no clock. Stores of rows do not import it.
//
// # Owns
//
// The arithmetic and the JSON of the [Dashboard] of a campaign, of its [Briefing], and of its
// [Card] in the list of a shop, the [View] that they are shown in, the [Listing] of cards, the
// sentences of the [Digest], [Patch], [Assumptions], the [Evidence] of a number, and how campaigns
// differ: [Compared], [Difference], [Changes].
//
// # Invariants
//
//   - Unknown is not zero (I8). A figure that no channel reported, an amount that the owner
//     did not give, a number computed from either and a ratio without a divisor are null, and
//     the summary names what is missing. Only a sum of what several channels report counts an
//     unknown one as 0, and is null where all of them are unknown.
//   - The rows of the channels add up to the participants of the campaign, whatever the way
//     they came.
//   - Money is integer won (I11). A sum that does not fit is null, and so is every
//     number computed from it. Ratios are computed with integers and rounded once: they
//     are finite, or null.
//   - A page of cards begins after the last card of the page before. A campaign that
//     changes between two pages, but not in the member that sorts them, is on exactly
//     one page.
//   - A dashboard and a card depend on rows and [View] alone. The same rows from any
//     store give the same JSON; it has the same bytes if map keys are sorted, as
//     encoding/json does. [HoldsUntil] says until when time alone changes nothing.
//
// # Failure
//
// [New] cannot fail. [View.Validate] refuses beforehand a time zone in which a dashboard
// would be wrong, and a trend that would end before it begins. [Cards] returns [ErrListing]
// for an unknown listing, [Evidence.Check] and [Changes.Check] return [ErrEvidence] where events do
// not make a number, and [Assumptions] return [ErrAssumption] for an unknown amount or an
// impossible value.
package dashboard
