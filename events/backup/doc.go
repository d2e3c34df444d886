// Package backup copies a log, what is beside its events, and the campaigns' keys to a directory
// while services append, and puts such a copy into an empty log. It owns the directory's layout,
// its manifest and the order in which things are read.
//
// Everything is read through the contracts of package events, so a backup of one database can be
// restored in another, and no transaction stays open while a backup runs. What makes the parts fit
// each other is their order:
//
//  1. The sources. Each of their records before its next offset is an event or a dead letter by
//     now. Records that are read later come again after a restore, and are duplicates then.
//  2. The dead letters. One that is revived from now on is an event before the head that is read
//     next, or still a letter; it may be both, and is a duplicate when it is tried again.
//  3. The head, and the events up to it, in the order of the chain.
//  4. Accesses and withdrawn rights: the later, the more of them.
//  5. The keys, last. A key is durable before a pseudonym that is made with it is appended, so that
//     keys read after the head are all that the events need. Read before, a campaign that begins
//     meanwhile would lack its key, and the next registration would begin another one.
//
// A person who is erased meanwhile would be in some of it and not in the rest: the copy is begun
// anew then, and so are the keys when the master key is rotated meanwhile.
//
// A backup does not hold rows, which are folded from the log, caches, the master key and the key
// of the cache, and no records of an embedded broker. The account of a restored log begins with
// the events and dead letters that it holds, without duplicates.
//
// It promises that
//   - a directory is a backup once its manifest is there, which is written last, when all else is
//     durable: [Open] takes none that was interrupted;
//   - nothing is written before the whole backup agrees with its manifest, and nothing to a log or
//     keys that hold anything else. An interrupted restore leaves a log that is unfinished
//     ([events.ErrUnfinished]), with which the same restore goes on;
//   - positions, identities, the chain, times, origins, dead letters, sources, accesses, withdrawn
//     rights and keys come back as they were, which is read back before [Backup.Restore] returns.
//
// Memory is bounded: what there may be much of is read, written and restored in pages.
//
// It fails with [ErrDamaged] if a file is not as it was written, [ErrIncomplete] if there is no
// manifest, [ErrNotEmpty] if the target holds something else, and [ErrErasing] if persons were
// erased during each of several attempts.
package backup
