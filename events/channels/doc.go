// Package channels asks the channels' APIs for the figures of campaigns: what is
// due when, how often a failing API is tried, and when it is left alone. The
// clients of the APIs, each a [Source], are the packages below it; who publishes
// what was learned is package bus.
//
//	Directory ─ which campaigns were distributed where ─▶ Poller.Round ─ due? ─▶
//	  rate ─▶ breaker ─▶ Source.Fetch, at most 10 s ─▶ check ─▶ news? ─▶ publish
//	  └────── up to 3 retries, jitter, Retry-After ──┘
//
// Each API has a [Poller] of its own with its own breaker, bounds and rounds, so
// one that hangs costs the others nothing.
//
// Invariants:
//
//   - I8: a figure is published only where the API answered, within its time, with
//     status 200 and valid JSON of bounded size and depth, whose figures are whole
//     numbers from 0 to 2^53. One that is wrong makes the whole answer invalid.
//     What an answer does not mention is not published, and nothing is ever
//     published in place of an answer that did not come. A figure that is lower
//     than before is published, for the channel says so, and counted.
//   - A poll makes at most 4 attempts. Each passes the breaker, which opens when
//     more than half of at least 5 calls of the last 30 s failed; then nothing
//     passes for 30 s, and after that one call, which decides.
//   - An API that names a time to come again (Retry-After) is not asked by
//     anybody before, up to 5 minutes.
//   - Figures that are known are published again only so often that they do not
//     count as stale while the API answers.
//   - Only the configured address is asked: no redirect is followed, no proxy
//     used, and no name may lead to this machine, to link-local addresses or to a
//     cloud's metadata. Keys show as "***".
//
// Failures: an API that fails is reported to OnPoll, and the campaign's turn comes
// again after its interval; where the breaker kept it from having its turn, at
// the next round. What was learned and cannot be published is kept, and the next
// round publishes it before it asks anybody. Everything else a poller knows it
// can learn again: a process that takes over starts from when the figures that
// are served were fetched.
package channels
