// Package archive keeps a stretch of the log as a file, and puts one back.
//
// An export is a text of one JSON object a line, in log order, each with its
// position, its identity and the event in its stored form. A name that ends in
// ".jsonl.zst" is that text compressed by Zstandard; one in ".parquet" is the same
// as a table. Beside it, a [Manifest] says what must be in it.
//
// It holds that
//   - a line or row is read back only if it is what would be written for what was
//     read, so an import gives back the very events, when they were recorded too;
//   - an export has its name only when all of it is durable. Until then it is a
//     partial file, which a later [Resume] goes on with from its last whole line;
//   - nothing is appended before the whole file agreed with its manifest, and
//     nothing where the log does not hold a beginning of the file, of which an
//     empty log is one. So an import that was killed is simply run again.
//
// Pseudonyms stand for phone numbers in it (I10). What they are made with, the
// campaigns' keys, is not in the log, and so not here.
package archive
