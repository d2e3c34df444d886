// Package archive writes a stretch of the log to a file, and restores one. It owns
// the export's format, its manifest and its partial file.
//
// An export is a text of one JSON object a line, in log order, each with its
// position, its identity, the Kafka record that it came from where that is known, and the
// event in its stored form. A name that ends in
// ".jsonl.zst" is that text compressed by Zstandard; one in ".parquet" is the same
// as a table. A [Manifest] beside it lists what it must hold.
//
// It promises that
//   - a line or row is accepted only if its event is written in exactly that form,
//     so an import restores the same events with the same recording times;
//   - an export has its name only when all of it is durable. Until then it is a
//     partial file, which [Resume] continues after its last whole line;
//   - an import writes nothing before the whole file agrees with its manifest, and
//     nothing to a log that is not empty and does not hold a beginning of the file.
//     An import that was killed can be run again;
//   - an event whose person has been erased is written and restored erased, with the
//     record that says by whom, which is in the manifest.
//
// An export holds pseudonyms instead of phone numbers (I10). The campaigns' keys
// are not in the log, and so not in an export.
//
// It fails with [ErrDamaged] if a file is not as it was written, [ErrOtherLog] if a
// partial file is of another log, [ErrErased] if a person was erased since, and [ErrNotEmpty] if the log holds other events.
package archive
