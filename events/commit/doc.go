// Package commit joins concurrent appends into one transaction of the log.
//
// Handlers of many partitions append at the same time, and the log's head row
// lets one transaction commit at a time (I2). [Appender] therefore lets
// newcomers queue up while a transaction is in flight and writes them together
// in the next one: one fsync serves hundreds of records, and who comes alone
// waits for nobody. There is no delay to gather more: it would help some loads
// and hurt others. Measured once on two busy cores, with a log that takes 3 ms
// for a commit and 7 µs for an event, callers that append again at once, and a
// delay of none, 1 ms and 5 ms, in thousands of events per second:
//
//	 1 caller,    100 events each:   22   16   10
//	12 callers,   100 events each:   73   82   48
//	24 callers,   100 events each:   77  104   68
//	12 callers, 1,000 events each:  124  120  127
//	24 callers, 1,000 events each:  139  156  143
//
// Callers that fall behind bring more each time, and there it matters least.
//
// It holds that
//   - the drafts of one call stay together and in their order (I3),
//   - calls enter the log in the order in which they came,
//   - each call gets the outcomes of its own drafts,
//   - nobody's end takes anybody else's append with it.
//
// On an error of the log everybody in that transaction gets it, and appends the
// same drafts again, which is always right (I4). Nothing is retried here.
package commit
