// Package embedded runs a broker of the Kafka protocol inside the process, on a real port,
// for real Kafka clients. It owns the broker's data directory, its lock and its bounds.
//
// With a data directory the broker keeps topics, records and committed offsets there, and
// acknowledges a produce only after its batch is synced: an acknowledged record survives a
// kill at any moment. Without one it keeps them in memory until it stops.
//
// It keeps records of any age, until [Broker.Retain] deletes those that have been held elsewhere for
// long enough. It deletes none that is not held, none of a topic that was made anew, and never the
// last ones of a partition, on whose offsets a broker that was killed goes on. Their files go when
// all in them may, 8 MiB at a time. A kill may bring deleted records of the oldest file back.
//
// It lets in every client that reaches it, or by a password one user alone, who may do
// everything. Connections are not encrypted.
//
// It is one node and serves one request at a time. Its files hold records as they were
// produced, phone numbers included, so only the owner of the directory can read it.
//
// Failures: a data directory belongs to one process at a time, and a second one gets
// [ErrInUse]. A produce to a topic that does not exist is refused, because the broker
// would lose a topic that it created by itself when it is killed; clients create topics
// by request. A batch longer than [MaxBatchBytes] is refused as too large.
package embedded
