// Package cache keeps what readers read: in the process, and in a Redis that
// processes share. It decorates a [readmodel.Reader], and never lies (I9).
//
// # What is promised
//
// An answer of a [Cache] is never older than what any read of the rows had returned
// a bound (0.9 s) before the call began. What Redis does, loses or makes up changes
// how long an answer takes, and nothing else.
//
// # Why it holds
//
// A [readmodel.Revision] orders the states of the store of rows: of two reads the
// later one has the higher revision, or the same one and the same rows. All that is
// served from memory rests on that, and on two things that a process learns:
//
//   - A poll asks the store for its revision, every 200 ms while somebody reads. If
//     it was sent at t and found r, whatever a read returned that ended before t is
//     of a revision no higher than r. So rows that are known to be those of r, or of
//     something higher, are as of t.
//   - A notice tells of one commit: the revision before it, the one after it, and all
//     campaigns of which a row changed. Notices that follow each other without a gap
//     say of every campaign that they do not name that its rows are the same at the
//     end as at the beginning.
//
// An answer that was read at revision q is proven through the highest revision at
// which the notices say that its campaign is the same, and is as of the newest poll
// that found nothing beyond. It is served while that is no longer ago than the bound;
// else the rows are read. What was just read is as of when the read was sent. Nothing
// is assumed of how long a notice takes or whether it comes: where one is missing, the
// next one does not begin where the last one ended, which is a gap, and what was
// proven through less than the end of it stops being served within the bound. A list of
// a shop is not named by notices, and proven by polls alone.
//
// Time is measured by the monotonic clock and by the wall clock, whichever says
// more, for one of them may stand still while a machine sleeps.
//
// # Redis
//
// Under analytics:dashboard:{eventId} stands the revision, in digits that order as
// it does, and then the rows with the campaign's name and a checksum; or the
// revision alone, a tombstone. It lives for 300 s, give or take a tenth. A value that
// comes from Redis is judged like any other answer: one of the past, of another
// campaign, of another store, or damaged is not served. Therefore nothing that follows is needed for what
// is promised above. It is there so that a value that is fetched can be served:
//
//   - A script stores a value only where no later revision is, so that a reader who
//     was held up between reading rows and storing them can't put them in the place of
//     newer ones.
//   - After a commit another script leaves a tombstone of its revision, for longer
//     than a read may take, where nothing is stored; so the same holds there.
//   - The process that commits refreshes what it, a watcher or others use, each
//     campaign at most every 250 ms, rather than deleting it: what is asked for all the
//     time is there all the time.
//   - Notices travel over the channel analytics:changes, best effort.
//
// Misses of one campaign at one moment are one read. Lookups gather while others are
// under way, and travel together.
//
// # Owners
//
// What is kept is what everybody may see; the [readmodel.Scope] is applied to each
// answer by the rule that the stores' queries have (I12).
//
// # Failure
//
// Redis is given 25 ms by a reader, and none while its breaker is open: after five
// failures in a row, or more than half of ten, for a second. Where notices do not come,
// changes are found by polling and answers are read anew before they are too old.
// Where polls fail answers are kept for no longer than the bound, and errors of the
// rows pass through. A store that goes back, as PostgreSQL may whose commits were not
// flushed, has everything dropped at the next poll. Who can write to Redis can forge values and notices: it
// is guarded like the database.
//
// Memory is bounded by the number of campaigns that are kept, and of those that
// notices have named; the least recently used goes first, what does not exist before
// what does. [Cache.Committed] never blocks: what can't be told to other processes at
// once is a gap to them.
package cache
