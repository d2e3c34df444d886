// Package cache keeps what readers read of the rows. It decorates a [readmodel.Reader]
// and owns the entries of this process, the proof that they are fresh, and the contract
// of the level that processes share, [Shared].
//
// # Promise
//
// What a [Cache] returns is never older than what any read of the rows had returned a
// bound (0.9 s) before the call began (I9). What the shared level does, loses or invents
// changes how long a call takes, and nothing else.
//
// A call returns what its [readmodel.Scope] allows, by the rule of the stores' queries;
// entries hold what everything allows (I12).
// A limited scope is refused a foreign campaign by the same steps, and in the same time, as a
// missing one: whose the campaign is is read first, by one query, and of that only refusals are
// kept, each for a bound (TestForeignAndMissingTakeTheSameSteps, and TestTiming below
// cmd/jangbu/service). What a page of the database's own cache, or a processor's, tells is not
// hidden.
//
// # Proof
//
// A [readmodel.Revision] orders the states of the store of rows: of two reads, the later
// one has a higher revision, or the same one and the same rows. Two sources say where
// the store is:
//
//   - A poll queries the store's revision, every 200 ms while there are reads. If a poll
//     that was sent at t found r, a read that ended before t returned rows of a revision
//     no higher than r. So rows that are known to be those of r, or of a higher revision,
//     are current as of t.
//   - A notice describes one commit: the revisions before and after it, and all campaigns
//     of which a row changed. Where notices follow each other without a gap, the rows
//     of a campaign that none of them names are the same at the end as at the beginning.
//
// An entry that was read at revision q is proven through the highest revision up to
// which the notices do not name its campaign, and is current as of the newest poll that
// found nothing higher. It is served while that poll is no longer ago than the bound;
// else the rows are read. Rows that were just read are current as of the moment at which
// the read was sent.
//
// A revision that no poll, notice or read of the rows has reached proves nothing: a shared
// value of such a revision is of a past that was lost, when an older copy of the database
// took its place, and of no future (I13). The store may reach that revision again, with other
// rows; by then a leader's term has given it another incarnation, of which no older value is.
//
// Notices may be late or missing. After a missing one the next does not begin where the
// last one ended, which is a gap; entries that are not proven through its end stop being
// served within the bound. Notices do not name shops: their lists are proven by polls
// alone.
//
// Time is measured by the monotonic clock and by the wall clock, whichever says more,
// because one of them may stop while a machine sleeps.
//
// # Loads
//
// Loads of one campaign at one moment are one read. A campaign that changes while it is
// in use or watched is refreshed, at once and then at most every 250 ms. After a commit of
// another process that is 10 ms later, in which that process can share what it reads. An entry
// that has not been proven for half the bound is refreshed before it is too old.
//
// # Failure
//
// Where notices do not arrive, changes are found by polling. Where polls fail, entries
// are served for no longer than the bound. Errors of the rows pass through. [Cache.Last] has what was
// last read, for those who say that it is not current. When a store
// goes back, as PostgreSQL may whose commits were not flushed, or that fell over to a standby,
// the next poll or read drops all entries.
//
// Memory is bounded by the number of campaigns that are kept, and of those that notices
// named. The least recently read is evicted first, and what does not exist before what
// does. [Cache.Committed] never blocks: what is not announced at once is a gap to the
// other processes.
package cache
