// Package brokers leads from flags and environment variables to the brokers of Kafka: how
// connections to them are encrypted, and who connects. The service and every command that
// reads or writes topics embed the same flags.
//
// Certificates and passwords are files. They are read when a flag is checked, and again for
// each connection, so that they can be replaced while the program runs; the password of the
// mechanism "plain", and no other, is read once for each client. No error holds one.
package brokers
