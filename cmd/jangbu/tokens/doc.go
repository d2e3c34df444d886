// Package tokens has the commands on the tokens of the read API, and reads the secrets that sign
// and verify them.
//
// A secret is a file that its owner alone may read. Its text is in no error and in no log line.
package tokens
