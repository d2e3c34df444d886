// Package channels polls the channels' APIs for the figures of campaigns. It owns the
// schedule, the retries, the breaker of each API, and what counts as news. The HTTP
// client of the APIs, a [Source] each, is package api below it; package bus publishes
// what was learned.
//
//	Directory ─ which campaigns were distributed where ─▶ Poller.Round ─ due? ─▶
//	  rate ─▶ breaker ─▶ Source.Fetch, at most 10 s ─▶ check ─▶ news? ─▶ publish
//	  └────── up to 3 retries, jitter, Retry-After ──┘
//
// Each API has a [Poller] of its own with its own breaker, bounds and rounds, so an
// API that hangs does not delay the others.
//
// Invariants:
//
//   - I8: a figure is published only where the API answered within the time of an
//     attempt and every figure of the answer is a whole number from 0 to 2^53. One wrong
//     figure makes the whole answer invalid. A figure that the answer does not mention is
//     not published, and nothing is published in place of an answer that did not come. A
//     figure that is lower than before is published and counted.
//   - A poll makes at most 4 attempts. Each passes the breaker, which opens when more
//     than half of at least 5 calls of the last 30 s failed. It then stops every call for
//     30 s, and lets one call pass, which closes or reopens it.
//   - An API that asks to be left alone (Retry-After) is not called before that time, at
//     most 5 minutes.
//   - Known figures are published again before they count as stale, as long as the API
//     answers.
//
// Failures: OnPoll reports an API that fails, and the campaign is due again after its
// interval; where the breaker stopped the first call, at the next round. Reports that
// cannot be published are kept, and the next round publishes them before it polls. The
// rest of a poller's state can be learned again: a process that takes over starts from
// the times at which the served figures were fetched.
package channels
