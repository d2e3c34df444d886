// Package operate is the commands of operators, which work on the databases whether a
// service runs or not: projections (see, rebuild, reset, roll back, pause), sources, leases,
// verify and deadletters.
//
// What changes the rows is an operation: recorded first, then carried out under the lease
// of the projections, by the leader where a service runs and else by the command itself.
// What only looks writes nothing, and makes no store that is not there.
//
// It promises that a command that is interrupted or killed at any moment leaves what is
// served as it was, and can be run again; that nothing is changed that a dry run has not
// shown; that no phone number is printed (I10); and that --json prints what its schema says.
//
// Each command's help says with which code it exits; the errors that lead there are those of
// package cli. Damage that is found (a gap, rows that are not the fold) is a failed check.
package operate
