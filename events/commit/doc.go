// Package commit is group commit: it joins concurrent appends into one transaction
// of the log. It owns the queue of waiting appends, the goroutine that joins them, and one
// for each of at most two transactions.
//
// Handlers of many partitions append at the same time, and the log's head row
// lets one transaction commit at a time (I2). While a transaction runs, [Appender]
// queues the calls that arrive and writes them together in the next one, so one
// fsync serves hundreds of records. A single caller does not wait: there is no
// delay to gather more calls, which would help some loads and hurt others.
// Measured once on two busy cores, with a log that takes 3 ms for a commit and
// 7 µs for an event, callers that append again at once, and a delay of 0, 1 ms and
// 5 ms, in thousands of events per second:
//
//	 1 caller,    100 events each:   22   16   10
//	12 callers,   100 events each:   73   82   48
//	24 callers,   100 events each:   77  104   68
//	12 callers, 1,000 events each:  124  120  127
//	24 callers, 1,000 events each:  139  156  143
//
// A delay helps least when callers fall behind, since each then brings more events.
//
// The log compares the drafts of a transaction among themselves before it waits for the one before
// it. So a transaction of half the greatest size is begun while another one is written; a smaller
// one waits for its end and more drafts.
//
// It promises that
//   - the drafts of one call stay together and in their order (I3),
//   - calls of one source enter the log in the order of their arrival, each in a transaction of its
//     own; a transaction that overtakes the one before it, and so is ahead of a source, is
//     written again after it,
//   - a call whose source the log is behind fails alone,
//   - each call gets the outcomes of its own drafts,
//   - the end of one caller's context does not affect the appends of others.
//
// If the log returns an error, all calls of that transaction return it; their
// callers append the same drafts again, which is always right (I4). This package
// retries nothing.
package commit
