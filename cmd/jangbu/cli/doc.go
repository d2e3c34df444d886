// Package cli is what every command of jangbu shares with its user: the terminal, flags
// that are wrong, exit codes, progress, tables and the form of the log.
//
// [Run] parses one command line, carries it out and turns its error into an exit code by
// the one table that also ends every --help. A command writes results to
// [Terminal.Out], for people or, with --json, for programs; all else goes to
// [Terminal.Err].
//
// It promises that text from outside, such as a title, moves no cursor ([Printable]), that
// nothing but results is on standard output, and that an interrupted command exits with
// 130 and says how to go on ([Interruptible]). It knows no database and no service.
//
// A write to a terminal that is gone is ignored: there is no one left to tell.
package cli
