// Package eventlog is the commands on the log itself: tail and show print events, export and
// import copy them to a file and back, withdraw says that some do not count.
//
// It promises that no event is changed or removed: what does not count is said by an event
// more, with who and why, and counts again by another one. What only looks writes nothing,
// and makes no log that is not there. No phone number is printed (I10), and --json prints
// what its schema says.
//
// Its help says with which code each command exits.
package eventlog
