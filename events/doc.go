// Package events is the vocabulary of Jangbu (장부, a ledger), and this page is
// the tour of its code, bottom up.
//
// Small shops run marketing campaigns. Every fact about a campaign is written
// once, in order, into an append-only log; every number that anybody sees is a
// fold of that log, and can be thrown away and made again.
//
// # Words
//
// A campaign is the marketing event (이벤트) that an owner runs. On the wire it
// is "eventId"; in Go it is always [Campaign], so that "event" is free for the log.
//
// An event is one fact that never changes: an [Event], one of [EventCreated],
// [ParticipantRegistered], [DistributionCompleted] and [ChannelStatsFetched].
//
// The log is the store of events, a [Log]. A [Position] is an event's place in
// it: 1, 2, 3 and so on, in commit order.
//
// A record is what came from Kafka, before it is decoded: a [Record]. A frame is
// consecutive records of one partition that travel together: a [Frame].
//
// A dead letter is a record that could not become an event, kept and sealed, with
// its reason, until it is revived or discarded: a [DeadLetter].
//
// A projection is a named, versioned, pure fold from events to rows. A
// generation is one build of it; a checkpoint is the position up to which a
// generation's rows equal the fold. A lease is the right to run something now.
//
// A channel is an outlet that campaigns are distributed to: a [Channel].
//
// # The flow
//
//	Kafka topic ─ frame ─▶ events/bus ─ decode, check, pseudonymise ─▶ the log
//	                                      └─ what can't be decoded ─▶ dead letters
//	the log ─▶ projections/runner ─ pure fold ─▶ readmodel: rows + checkpoint, in one transaction
//	readmodel ─▶ readmodel/cache ─▶ httpapi ─▶ dashboard
//	a tick ─▶ events/channels ─ breaker, retry ─▶ channel APIs ─▶ ChannelStatsFetched ─▶ its Kafka topic
//
// Nothing goes round this flow. What a channel reports is an event like any other
// and comes in by its own topic. No request of a reader calls a channel, and only one
// that asks what was known earlier waits for the log.
//
// # The rooms, in reading order
//
// Contracts come first and know nothing of technology; what does the work hangs
// below them, and only cmd/jangbu sees all of it. A test over the import graph
// holds the walls (TestReach in cmd/jangbu).
//
//   - events, this package: the four types, how they are read from a record
//     ([Decode], strictly) and from the log ([DecodeStored], fast), what makes
//     two of them the same ([ID], [Digest]), and the contracts of the stores:
//     [Log], [DeadLetters], [Keys]. The wire forms are
//     JSON Schemas, [Contract]. It does no I/O and reads no clock.
//   - events/eventstest: what every log must do, as a test suite.
//   - events/pglog and events/sqlitelog: the log on PostgreSQL and on SQLite.
//     Both pass that suite.
//   - events/commit: group commit, an [Appender] that joins concurrent appends
//     into one transaction of another.
//   - events/privacy: phone numbers become pseudonyms, dead letters are sealed.
//   - events/channels: when to ask which API for figures, how often a failing API
//     is tried, and when it is left alone. events/channels/api is the client of the
//     APIs, one file for each.
//   - events/bus: the Watermill router, one ingest handler for each topic and one
//     scheduled handler for each channel API.
//   - events/bus/kafka: the only client of the brokers; it cuts partitions into
//     frames. events/bus/embedded: a broker inside the process, which any Kafka
//     client can use.
//   - events/archive: a stretch of the log as a file, and back.
//   - events/synthetic: seeded traffic that knows the numbers it must lead to.
//     events/channels/simulator: the channels' own APIs, simulated, with faults.
//   - readmodel: the rows and the contracts of the stores that keep them.
//     readmodel/dashboard is the arithmetic of what is shown of them. readmodel/readmodeltest is their suite;
//     readmodel/pgrows and readmodel/sqliterows pass it. readmodel/cache keeps
//     what was read of them, in the process; readmodel/cache/redis shares it between
//     processes.
//   - projections: the folds, one file each. projections/runner follows the log
//     with them and carries out what operators ask for. projections/replay folds for
//     questions: it verifies, replays, and looks back.
//   - httpapi: routes over the read model, for those whose token allows it; its
//     contract is openapi.yaml. httpapi/dashboard is the page that shows it to owners.
//   - cmd/jangbu: configuration, wiring, commands and exit codes.
//
// # How a record becomes an event
//
// [Decode] opens the CloudEvents envelope, if there is one, and cuts the JSON
// object into its members. Each member is taken by name and judged by itself, so
// that a [MalformedError] lists all that was wrong, field by field; it never
// repeats a value, for that may be a phone number. What is left over is kept in
// the event as it came, but a registration keeps its listed fields only.
//
// The result is a [Draft]. For a registration it is complete once privacy has
// turned the [PhoneNumber] into a [Pseudonym] ([Decoded.SetPseudonym]).
// [AppendStored] gives the form in which the log keeps an event: equal events
// have equal bytes. The content's digest is made of these bytes, so they may
// never change (TestStoredIdentitiesNeverChange).
//
// # The invariants, and where each is defended
//
//   - I1 Exactly-once effect. Delivery is at least once: events/bus acknowledges
//     a frame when all of it is written, and events/bus/kafka commits no offset
//     before that (TestAckMarksTheWholeFrame). The log writes one [ID] once
//     (eventstest, "Identity"); a projection's rows and checkpoint move together,
//     by compare-and-set (readmodeltest, "Commit").
//   - I2 Gapless order. A transaction takes the log's head row first and holds it
//     until it commits; readers check what they read and stop with [ErrGap]
//     (eventstest, "ManyWriters" and "Damage").
//   - I3 Partition order. A partition's next frame waits for the last one
//     (TestFramesHoldManyRecordsInOrder in events/bus/kafka); events/commit
//     keeps drafts in their order.
//   - I4 Identity. An [ID] is the producer's own or made of the natural key
//     (TestNaturalID, TestCloudEventsID). The same ID is a [Duplicate] or, with
//     other content, a [Conflict] ([Digest.Conflicts], TestDigestConflicts), and
//     a conflict becomes a dead letter.
//   - I5 Nothing lost, nothing blocked. Received = appended + duplicate +
//     dead-lettered is a constraint of the database (eventstest, "DeadLetters",
//     "Revive" and "Discard"), reported by [Totals]. What a database refuses is tried
//     again; what a contract refuses is buried (TestMalformedRecords in cmd/jangbu).
//   - I6 Rows equal the fold. Folds are pure by their imports and accept any
//     interleaving of topics (TestFoldInBatches, TestInterleavingOfTopicsDoesNotMatter
//     in projections); the stores keep them exactly (readmodeltest, "RandomBatches").
//     "jangbu verify" proves it of what is served (TestVerifyNamesWhatDiffers in
//     projections/runner).
//   - I7 Reads never stop. Rows carry their generation, and a read is one
//     snapshot of the active ones; another is built beside them and takes their place
//     in one transaction (readmodeltest, "Campaign" and "Activation"; TestRebuild in
//     projections/runner, TestRebuildsAreKilled in cmd/jangbu).
//   - I8 Unknown is not zero. A figure that was not reported is nil here
//     (TestDecodeAccepts), unknown in a row and null in JSON; negative and absurd
//     ones are refused (TestDecodeWholeNumbers). A newer report changes only what
//     it carries (TestFigureIsTheLatestReported in projections). An API that fails
//     in whatever way reports nothing (TestChannelFaults in cmd/jangbu).
//   - I9 Cache never lies. What is kept is served while it is proven to be what a
//     read of the rows returned less than a second ago; the proof is in
//     readmodel/cache (TestNoAnswerIsTooOld, TestStaleSet, and TestRedisMisbehaves
//     in cmd/jangbu).
//   - I10 No phone number at rest. No event has a place for one. [PhoneNumber]
//     cannot be printed, errors hold no values, and a number in any other field
//     of its registration is refused (TestPhoneNumberNeverShows,
//     TestDecodeRefusesPhoneNumberElsewhere, FuzzDecode). The rest is
//     events/privacy; its keys live in a store apart from the log, [Keys].
//   - I11 Money is integer won. [Won] is read exactly, never by way of a float
//     (TestDecodeWholeNumbers); readmodel's sums overflow visibly
//     (TestWonAgreesWithBigIntegers).
//   - I12 Owners see their own. A readmodel.Scope, made of the token's claims, is part
//     of each query; what it does not allow is readmodel.ErrNotFound, exactly as what
//     does not exist (readmodeltest, "Scope"; TestOwnersSeeTheirOwn in httpapi). A route
//     without a policy is served to nobody.
//
// # When something fails
//
// A record that breaks its contract becomes a dead letter, and its neighbours go
// on; once the decoder or the topic's name is mended, it can still become an event
// ("jangbu deadletters retry"). A database or broker that is away is waited for: the
// frame stays unacknowledged and comes again, and what had been written comes out as a
// duplicate. Appending, burying and folding the same again is always right, so
// nobody has to know how far a failed attempt got.
//
// A channel API that hangs, fails or lies costs bounded calls and nobody's time:
// its figures stay as they were, and become stale.
//
// A Redis that is slow, wiped or gone costs its readers 25 ms each until its breaker
// opens, and then nothing: rows are read instead.
//
// A process may be killed at any moment. Its successor goes on from the last
// committed offset and checkpoint, both of which may be behind what is written
// and never ahead of it. A process that freezes loses its lease, and what it
// still tries to write then is fenced.
//
// Rows that are wrong, lost, or of an older version of a fold are no loss: they are
// folded anew from the log beside what is served ("jangbu projections rebuild").
//
// A broken invariant is another matter: a gap in the log ([ErrGap]), an event
// that cannot be read back or an account that does not add up ([ErrCorrupt]).
// The process stops rather than serve a wrong number.
package events
