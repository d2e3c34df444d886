// Package analyse is the commands of analysts. Replay folds the log, or an exported file, in
// memory and prints what it comes to, as of any moment and with other assumptions. Compare puts
// campaigns side by side, or one campaign at two moments, with the events that made the difference.
// Why leads from a number of a campaign to its events. Both check that the events make the number.
//
// It promises that neither events nor served rows change (--into makes a file of its own),
// that its numbers are those of the service's own folds and arithmetic (I6), and that --json
// prints what its schema says.
//
// Its help says with which code it exits. Damage that is found (a gap, an export that is not
// as it was written) is a failed check.
package analyse
