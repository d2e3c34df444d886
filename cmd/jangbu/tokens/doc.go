// Package tokens has the commands on the tokens of the read API, reads the secrets that sign and
// verify them, and watches for rights that are withdrawn from their subjects.
//
// A secret is a file that its owner alone may read. Its text is in no error and in no log line,
// and neither is a subject that identifies a person: of that only a hash under a key is recorded
// (I10). A process without the key takes what is withdrawn from all subjects that are such ones,
// rather than from none (I12); it looks for the key again as long as it lacks one.
package tokens
