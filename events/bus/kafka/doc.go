// Package kafka is the only client of the brokers. It owns how partitions are cut into
// frames, where a session begins, the settings of both directions, and the creation
// of topics.
//
// A subscriber delivers frames: as many consecutive records of a partition as are there,
// in one Watermill message whose payload [jangbu/events.DecodeFrame] reads. It never waits for
// more. A frame has at most 12,000 records and 3 MiB, or one record; the partitions that a
// session reads share 48,000 records by how far they are behind, so that all reach the end of a
// backlog at once (TestPartitionsShareTheFramesByHowFarTheyAreBehind).
//
// Invariants:
//   - Frames of a partition are delivered in offset order (I3, TestFramesHoldManyRecordsInOrder):
//     the next one after the last one was acknowledged, or once its handler asks for it with
//     [jangbu/events.DeliverFollowing]. Two at most are with handlers
//     (TestTwoFramesAtMostAreWithHandlers), and of two that fail the second waits for the first
//     (TestFramesThatFailComeAgainInOrder).
//   - A member reads each partition from where the log ends with it, and what the group
//     committed counts for nothing (I1, TestSessionBeginsWhereTheLogSays). The group's
//     offsets are kept for the tools of Kafka; they are never ahead of what was
//     acknowledged (TestAFrameThatIsOvertakenIsNotMarked). So a group may be deleted, or have
//     another name, at any time.
//   - Each topic has a group of its own, whose members move one by one the partitions that have to
//     move, and read the others on (TestAMemberThatComesTakesItsShareOnly, TestComingAndGoing):
//     sarama's strategy cooperative-sticky. A member with a name (Config.Instance) that is back
//     within 6 s has its partitions again, and no other's stand. A subscriber without one names
//     itself until it is closed: after its coordinator was away it goes on at once, where another
//     member would wait until the session of the former one expires (TestOneBroker).
//   - A partition that the group gives to no member is asked for again within 15 s
//     (TestAPartitionThatNoMemberHasIsGivenAgain): one whose former member was killed, before it was
//     given on, and came back by its name.
//   - A partition that is added is read within 10 s, also where the member that leads the group has
//     none to read (TestNewPartitionsAreFound): the group's clients ask for the topic every 2 s.
//   - A member takes over a partition wherever its leader is by then
//     (TestAPartitionWhoseLeaderMovedIsTakenOver), and a broker that does not answer holds up no other.
//   - Records of aborted and of open transactions are not delivered (I1, TestTransactions).
//   - A rebalance never waits for a handler. The handler may finish its frame without
//     harm: its own acknowledgement is ignored, and what it writes late are duplicates
//     (TestTwoOwnersOfOnePartition).
//   - Where a partition cannot go on where the log ends with it, the log counts a gap and
//     one line tells of it (I5): retention that passed records before they were read
//     (TestGapOfRetentionIsCounted, TestRetentionPassesARunningSession), a topic that was
//     made anew (TestTopicMadeAnewIsReadFromItsBeginning), and a partition that lost its
//     end (TestPartitionThatLostItsEndIsReadAgain), as by an unclean election (TestThreeBrokers).
//   - A log that goes back under a session, as a restored copy does, is read to again from
//     where it ends: the session ends within 5 s, and until then the log refuses its frames
//     (I13, TestLogGoesBackUnderASession).
//
// Connections are encrypted and authenticated as [Config] says (TestSecureBrokers). Passwords and
// certificates are asked for again for each connection (TestPasswordIsReadForEachConnection), but
// the password of PLAIN, which is of a client, only for each of these: a subscription, a
// producer, a call of Describe.
//
// The group says which partitions a member has; it reads them by connections of its own, for a
// broker answers the requests of a connection in order, and a request to join is answered once all
// members have joined. Partitions that do not move stood 0.4 to 1.4 s while a member came and
// fetches went the group's way, and 0.05 to 0.2 s since, as long as a fetch; those that move 0.4 to
// 1.6 s; those of a member that was killed 6 to 7 s, until its session expires.
//
// Publisher and subscriber pass the suite of Watermill itself (TestWatermillsOwnSuite).
//
// Brokers that are killed, restarted and frozen lose nothing (TestOneBroker). What needs three of
// them and minutes is tried with JANGBU_TEST_KAFKA_FAULTS=N, so many times each (TestThreeBrokers):
//
//	JANGBU_TEST_KAFKA_FAULTS=1 scripts/test ./events/bus/kafka -run 'ThreeBrokers|WatermillsOwn' -v
//
// Nothing was read for 5.3 s after a leader was killed, 9.8 s after the coordinator was, and 6.9 s
// after a leader froze for 12 s, on brokers that take each other for dead after 5 s.
//
// What is not noticed: an unclean election after which producers have written as much as was lost
// before the partition is fetched again. The records between are not read. Topics should not
// allow such elections (unclean.leader.election.enable=false, the default).
//
// How many records a gap holds is known at most: the ends of transactions take offsets too.
//
// Failures: while no broker can be reached, a subscriber tries again for as long as it is
// open and logs each kind of error once a minute (TestOutageIsSurvivedAndToldOnce). A frame that
// was not acknowledged comes again after a pause that grows to 5 s. Producers give up after 30 s at
// most, return the error, and end with their context (TestProducerWithoutBrokers). [EnsureTopics]
// creates what is missing, so that topics which exist need no right to (TestOneBroker), and does
// not try again what brokers refuse for good: a password, a certificate (TestBrokersThatRefuse). No
// error and no log line holds a record (I10), a password or a token.
package kafka
