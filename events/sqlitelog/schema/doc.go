// Package schema brings the files of package sqlitelog up to date, and adds segments to its log.
//
// The migrations in SQL are those of sqlitelog; the two in Go, which read events or edit the schema
// itself, are here. Each is one transaction: a migration that was cut short left nothing behind.
//
// [Migrate] may run in several processes at once.
package schema
