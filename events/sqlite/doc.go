// Package sqlite tells the failures of SQLite apart for the stores that keep their data in it, by
// their codes and never by their text, and writes their files anew. It opens nothing.
//
// Away is a fault that may pass, which a store returns as [events.ErrAway]; Damaged is a file
// that is no database, or not a whole one; Busy and Taken are for callers that go on.
package sqlite
