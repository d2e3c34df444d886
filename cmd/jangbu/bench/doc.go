// Package bench measures this machine: read drives the read API, replay folds a large log.
//
// Each measures beside a bare equivalent that moves the same bytes (a handler that writes the
// same responses, a query that reads the same rows), in alternation, so that the ratio means more
// than the machine. The clients of read run in a process of their own. Every measurement has
// a directory or a database of its own, which is removed in the end, also after an error or
// an interruption.
//
// An error of what is measured ends the measurement; no figure is printed then.
package bench
