// Package tail keeps the newest events of a log in memory, so that what follows the log at its
// head does not read back what the same process has just appended.
//
// A [Log] is a log above another one. It holds events that its own [Log.Append] was told it had
// added: consecutive ones, up to a bound in bytes. What other processes append, and what an
// append added whose outcome is unknown, are not among them; the events after such a gap begin
// anew, and what lies before is read from the database. So a read returns what a read of the
// database would (I2), with one exception: an event that was overwritten since, because its person
// was erased, is still what it was. Who reads must call [Log.Forget] between such an erasure and
// the next read; the leader does so before each of its operations, and an erasure ends with one.
//
// What the leader has folded it releases: in a process that leads, the log keeps what is not folded
// yet.
//
// It does not notice a log that went back while the process ran: the leader does, by the chain.
package tail
