// Package schema brings the schemas of package pglog up to date.
//
// The migrations in SQL are those of pglog; the two in Go, which work batch by batch or
// statement by statement instead of in one transaction, are here.
//
// [Migrate] lets one process migrate at a time. A migration that was cut short goes on where it
// ended.
package schema
