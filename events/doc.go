// Package events is the vocabulary of Jangbu (장부, a ledger), and this page is
// the tour of its code, bottom up.
//
// Small shops run marketing campaigns. Every fact about a campaign is written
// once, in order, into an append-only log; every number on a screen is a fold of
// that log, and can be discarded and rebuilt from it.
//
// The package owns the types of events, their identity and forms, and the
// contracts of the log, its dead letters and the keys. It promises that equal
// events have equal stored forms, identities and digests in every version of the
// program (I4), and that no event and no error holds a phone number (I10). It
// fails by returning one of its sentinels: of decoding ([ErrMalformed],
// [ErrUnknownType], [ErrFrame]) or of the log ([ErrGap], [ErrCorrupt],
// [ErrNotNext], [ErrBehind], [ErrNoDeadLetter]). It does no I/O and reads no clock.
//
// # Words
//
// A campaign is the marketing event (이벤트) that a shop runs. On the wire it is
// "eventId"; in Go it is always [Campaign], because an event is an entry of the log.
//
// A shop runs campaigns: a [Shop], "storeId" on the wire. A store is a database.
//
// An event is one fact that never changes: an [Event], one of [EventCreated],
// [ParticipantRegistered], [DistributionCompleted], [ChannelStatsFetched] and
// [EventsWithdrawn], which says that others do not count.
//
// The log is the store of events, a [Log]. A [Position] is an event's place in
// it: 1, 2, 3 and so on, in commit order. A [Link] is the value of its hash chain
// after an event.
//
// A source is a Kafka topic partition that is read: a [Source]. A record is a Kafka
// record before it is decoded: a [Record]. A frame is a run of consecutive records of
// one source that travel together: a [Frame]. The record that an event first came from
// is its [Origin]: topic, partition and offset. It is no part of the event.
//
// A dead letter is a record that could not become an event, kept and sealed, with
// its reason, until it is revived or discarded: a [DeadLetter].
//
// A projection is a named, versioned, pure fold from events to rows. A
// generation is one build of it; a checkpoint is the position up to which a
// generation's rows equal the fold. An operation is what an operator asks of
// projections. A lease is the right to run something now; the leader holds that
// of the projections, and its worker carries out operations.
//
// A channel is an outlet that campaigns are distributed to: a [Channel]. A figure
// is a cumulative number that a channel reports.
//
// # The flow
//
//	Kafka topic ─ frame ─▶ events/bus ─ decode, check, pseudonymise ─▶ the log
//	                                      └─ records that cannot be decoded ─▶ dead letters
//	the log ─▶ projections/runner ─ pure fold ─▶ readmodel: rows + checkpoint, in one transaction
//	readmodel ─▶ readmodel/cache ─▶ httpapi ─▶ dashboard
//	a tick ─▶ events/channels ─ breaker, retry ─▶ channel APIs ─▶ ChannelStatsFetched ─▶ its Kafka topic
//
// Every event takes this path: the figures of a channel too come in by their own
// topic. A read never calls a channel API; only a question about the past waits
// for the log.
//
// # The rooms, in reading order
//
// Contracts come first and import no technology; the packages below them do the
// work, and only those of cmd/jangbu see all of them. A test over the import graph
// holds the walls (TestReach in cmd/jangbu).
//
//   - events, this package: the four types, their decoding from a record
//     ([Decode], strict) and from the log ([DecodeStored], fast), their identity
//     ([ID], [Digest]), and the contracts of the stores: [Log], [DeadLetters],
//     [Keys]. The wire forms are JSON Schemas, [Contract].
//   - events/eventstest: the conformance suite of every log.
//     events/eventstest/services finds the databases, brokers and browser of tests.
//   - events/pglog and events/sqlitelog: the log on PostgreSQL and on SQLite.
//     Both pass that suite. The package schema of each migrates it, and
//     events/segments says in which segment of a log an identity may be. events/postgres opens
//     PostgreSQL for pglog and pgrows, and events/sqlite tells SQLite's failures apart for
//     sqlitelog and sqliterows.
//   - events/tail: the newest events in memory, for what follows the log.
//   - events/commit: group commit, an [Appender] that joins concurrent appends
//     into one transaction of another.
//   - events/privacy: phone numbers become pseudonyms, dead letters are sealed.
//   - events/channels: when to poll which API for figures, how often to retry, and
//     when to leave a failing API alone. events/channels/api is the client of the
//     APIs, one file for each.
//   - events/bus: the Watermill router, one ingest handler for each topic and one
//     scheduled handler for each channel API.
//   - events/bus/kafka: the only client of the brokers; it begins where the log
//     says, finds gaps and cuts partitions into frames. events/bus/embedded: a broker
//     inside the process, for any Kafka client.
//   - events/outage: one log line when a failure begins, one when it ends.
//   - events/archive: a stretch of the log as a file, and back. events/backup: the log, what is
//     beside its events and the keys as a directory, while services append, and back.
//   - events/synthetic: seeded traffic with the totals that it must lead to.
//     events/channels/simulator: the channel APIs, simulated, with faults.
//   - readmodel: the rows and the contracts of the stores that keep them.
//     readmodel/readmodeltest is their conformance suite; readmodel/pgrows and
//     readmodel/sqliterows pass it. readmodel/dashboard is the arithmetic and JSON
//     of the page. readmodel/lease keeps a lease. readmodel/cache keeps rows in
//     the process, readmodel/cache/redis shares them between processes.
//   - projections: the folds, one file each. projections/runner follows the log
//     with them and carries out operations. projections/replay folds to answer
//     questions: it verifies, replays and compares.
//   - httpapi: routes over the read model, and the limits of callers; its contract is
//     openapi.yaml. httpapi/auth identifies callers by their tokens, httpapi/accesslog
//     writes who read what, httpapi/dashboard is the page.
//   - cmd/jangbu: the binary. Below it, cli is the terminal, stores turns URLs into
//     adapters, brokers flags into clients of Kafka, service is the program as a value,
//     and tracing its traces. operate has the commands of operators, backup those that copy
//     all and put it back, eventlog those on the log, campaigns those on a campaign, privacy those on keys and persons, tokens
//     those on who may read, analyse those of analysts, traffic those that make
//     traffic, bench those that measure.
//
// # How a record becomes an event
//
// [Decode] opens the CloudEvents envelope, if there is one, and cuts the JSON
// object into its members: without a tokenizer where the text is as nearly all are
// (FuzzCut compares the two). A [Decoder] does so for the records of a frame, whose
// registrations share memory. It takes each member by name and checks it alone, so
// that a [MalformedError] lists all problems, field by field; it never repeats a
// value, which may be a phone number. Other members are neither refused nor kept.
//
// The result is a [Draft]. That of a registration is complete once privacy has
// turned the [PhoneNumber] into a [Pseudonym] ([Decoded.SetPseudonym]).
// [AppendStored] gives the form in which the log keeps an event: equal events
// have equal bytes. The content's digest covers these bytes, so they may never
// change (TestStoredIdentitiesNeverChange).
//
// # The invariants, and where each is defended
//
//   - I1 Exactly-once effect. The log writes with events how far their [Source] has
//     been read (eventstest, "Sources"), and events/bus/kafka reads on from there,
//     whatever the group committed (TestSessionBeginsWhereTheLogSays). What aborted
//     and open transactions hold is not read (TestTransactions). A frame that comes
//     again is harmless: the log writes one [ID] once (eventstest, "Identity"). A
//     projection's rows and checkpoint move together, by compare-and-set
//     (readmodeltest, "Commit").
//   - I2 Gapless order. A transaction takes the log's head row first and holds it
//     until it commits; readers check positions and stop with [ErrGap]
//     (eventstest, "ManyWriters" and "Damage").
//   - I3 Partition order. A partition's next frame waits for the last one
//     (TestFramesHoldManyRecordsInOrder in events/bus/kafka); events/commit
//     keeps drafts in their order.
//   - I4 Identity. The [ID] of a registration is made of its natural key
//     (TestRegistrationIDIsOfItsCampaignAndParticipant), any other is the producer's own
//     or made of the natural key (TestNaturalID, TestCloudEventsID, TestCorrectionsAreEvents).
//     [Upgrade] makes it of events that an earlier version stored, as far as these
//     allow; the rest is known again by [Decoded.Former]
//     (TestDescriptionsOfEarlierReleasesAreKnownAgain in events/bus) and [Draft.FormerDigest]
//     (eventstest, "Identity"). The same ID is a
//     [Duplicate] or, with other content, a [Conflict] ([Digest.Conflicts],
//     TestDigestConflicts), and a conflict becomes a dead letter. So does a description
//     that names another shop than its campaign's: a campaign is moved by [NewMove] alone
//     (eventstest, "Shops").
//   - I5 Nothing lost, nothing blocked. Received = appended + duplicate +
//     dead-lettered is a constraint of the database (eventstest, "DeadLetters",
//     "Revive" and "Discard"), reported by [Totals]. A record that the database
//     refuses is tried again; one that the contract refuses is buried
//     (TestMalformedRecords below cmd/jangbu), whatever it holds ([DeadLetter.Storable]; TestTimestampsThatAreNoTimes in events/bus). A
//     damaged key stops its campaign only (TestDamagedKeyParksItsCampaign there). A
//     frozen process keeps no other waiting for longer than a bound on PostgreSQL
//     (TestFrozenWriters in events/pglog, TestFrozenFill in readmodel/pgrows), and a
//     write has a deadline (TestServerVanishes in events/pglog).
//   - I6 Rows equal the fold. Folds are pure by their imports and accept any
//     interleaving of topics (TestFoldInBatches, TestInterleavingOfTopicsDoesNotMatter
//     in projections); the stores keep them exactly (readmodeltest, "RandomBatches").
//     They see neither an [EventsWithdrawn] nor what is withdrawn as of the checkpoint
//     ([WithdrawnAt], TestWithdrawals in projections/runner).
//     "jangbu verify" proves it of the served rows, starting from the log
//     (TestVerifyNamesWhatDiffers and TestVerifyStartsFromTheLog in projections/runner); a
//     service audits all campaigns and has one that is wrong folded anew
//     (TestServeHealsWrongRows below cmd/jangbu).
//   - I7 Reads never stop. Rows carry their generation, and a read is one
//     snapshot of the active ones; another is built beside them and takes their place
//     in one transaction (readmodeltest, "Campaign" and "Activation"; TestRebuild in
//     projections/runner, TestRebuildsAreKilled below cmd/jangbu).
//   - I8 Unknown is not zero. A figure that was not reported is nil here
//     (TestDecodeAccepts), unknown in a row and null in JSON; negative and absurd
//     ones are refused (TestDecodeWholeNumbers). A newer report changes only the
//     figures that it carries (TestFigureIsTheLatestReported in projections). An API
//     that fails reports nothing (TestChannelFaults below cmd/jangbu).
//   - I9 The cache never lies. It serves a value only while it has proof that a read
//     of the rows returned it less than a second ago; the proof is in
//     readmodel/cache (TestNoAnswerIsTooOld, TestStaleSet, and TestRedisMisbehaves
//     below cmd/jangbu).
//   - I10 No personal data at rest. No event has a field for a phone number.
//     [PhoneNumber] cannot be printed, and errors hold no values (TestPhoneNumberNeverShows,
//     FuzzDecode). Of each record only the fields of its contract are kept
//     (TestDecodeStoresTheContractsFieldsAlone), of the texts of the public only what they name
//     (TestDecodeKeepsWhatTextsName). Ids and texts that hold what identifies a person are refused
//     in every spelling ([PersonalInID], [PersonalInText]; TestDecodeRefusesPersonalIDs,
//     TestPersonalNumbersAreFound, TestIDsOfProgramsAreNotPersonal). The rest is
//     events/privacy; its keys live in a store apart from the log, [Keys], whose master
//     key is rotated while services run (TestRotationKilled below cmd/jangbu). A person is
//     erased in place ([Erasures]; eventstest, "Erasures", TestErasedPersonLeavesNoByte below
//     cmd/jangbu), and no total changes. What earlier releases stored is found and overwritten
//     in place too, ids of campaigns and shops by names under a key ([Remnants], [Recorded.Redact],
//     [Namer]; TestScanOverwritesWhatEarlierReleasesStored).
//     A [Subject] of tokens that identifies a person is recorded as a hash under a key
//     ([SubjectKey]; TestSubject, TestSubjectsInPlainAreHashed below cmd/jangbu).
//     TestNoPhoneNumberAtRest below cmd/jangbu looks for a corpus in all that is written. What
//     operators copy, open and change is recorded before it begins, with who does it and why
//     ([Accesses]; eventstest, "Accesses").
//   - I11 Money is integer won. [Won] is parsed exactly, never by way of a float
//     (TestDecodeWholeNumbers); readmodel's sums overflow visibly
//     (TestWonAgreesWithBigIntegers).
//   - I12 Owners see their own. A readmodel.Scope, made of the token's claims, is part
//     of each query; a campaign outside it is readmodel.ErrNotFound, like one that
//     does not exist (readmodeltest, "Scope"; TestOwnersSeeTheirOwn in httpapi). A
//     route without a policy refuses every request.
//   - I13 One history. The log is a hash chain of [Link]s (eventstest, "Chain"). No read
//     believes an event that was edited ([Recorded.Recall]; eventstest, "Damage"). A checkpoint
//     of the rows holds the link at its position: rows of a history that the log does not
//     have are abandoned and rebuilt, and no restored copy repeats an incarnation
//     (readmodeltest, "History"; TestLogThatWentBackOrIsAnother and
//     TestLogIsExchangedWithinATerm in projections/runner). Caches believe no revision that
//     the store has not reached (TestLostHistoryIsNotBelieved in readmodel/cache).
//     TestRestoreDrill below cmd/jangbu restores copies, TestBackupDrill backups. A log that is behind a source
//     refuses what follows ([ErrBehind]; eventstest, "Sources"), and the session that
//     notices reads again (TestLogGoesBackUnderASession in events/bus/kafka). A part of an
//     import takes nothing else and is not served ([ErrUnfinished]; TestUnfinishedImport
//     below cmd/jangbu).
//   - I14 Bounded by us, not by input. Frames, transactions, kept rows and trends have
//     bounds that no record can move (TestFramesAreBoundedInBytes in events/bus/kafka,
//     TestATransactionHoldsAtMostMaxDrafts and TestATransactionHoldsAtMostMaxBytes in
//     events/commit, TestMemoryIsBounded in readmodel/cache, TestDashboardIsBounded in readmodel/dashboard).
//
// # When something fails
//
// A record that breaks its contract becomes a dead letter, and its neighbours
// proceed; once the decoder or the topic's name is corrected, it can still become
// an event ("jangbu deadletters retry"). If a database or broker is away, the
// frame stays unacknowledged and is delivered again; records that were already
// written are duplicates then. Appending, burying and folding the same again is
// always right, so a retry need not know how far a failed attempt got.
//
// A channel API that hangs, fails or lies costs a bounded number of calls: its
// figures stay as they were, and become stale.
//
// A Redis that is slow, wiped or gone costs each read at most 25 ms until its
// breaker opens, and then nothing: reads go to the rows.
//
// A process may be killed at any moment. Its successor continues where the log ends
// with each source and where the rows end with the log. Records that were deleted
// before they were read are a gap, which the log counts ([Sources]). A process that
// freezes loses its lease, and its later writes are fenced.
//
// Rows that are wrong, lost, or of an older version of a fold are no loss: they are
// folded anew from the log beside the served rows ("jangbu projections rebuild").
//
// On a broken invariant, a gap in the log ([ErrGap]), an event that cannot be
// decoded or an account that does not add up ([ErrCorrupt]), the process stops
// rather than serve a wrong number.
package events
