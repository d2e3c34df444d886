// Package embedded runs a broker of the Kafka protocol inside the process, on a
// real port, for real Kafka clients.
//
// Given a data directory it keeps topics, records and committed offsets there,
// and a produce is acknowledged only after its batch has been synced: what was
// acknowledged survives a kill at any moment. Without one it keeps everything
// in memory and forgets it when it stops.
//
// A data directory belongs to one process at a time; a second one is refused
// with [ErrInUse]. Records of any age are kept: nothing is lost to retention
// while nobody consumes.
//
// Topics are those of the configuration and those that a client creates by
// request; a produce to any other is refused, for the broker would lose the
// records of a topic that it had made by itself when it is killed. A batch of
// more than [MaxBatchBytes] is refused as too large.
//
// It is one node, it serves one request at a time, and its topic files hold
// records as they were produced, phone numbers included: the directory is
// readable by its owner only.
package embedded
