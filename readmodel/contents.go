package readmodel

import "context"

// Contents finds what a database of rows holds of texts, and overwrites what it has left in its
// files, for those who keep persons private (I10).
type Contents interface {
	// Texts calls each with every text in the tables of rows, of every generation whether it is
	// served or not: once for each table and column.
	Texts(ctx context.Context, each func(table, column, text string) error) error
	// Compact has the database write its files anew, so that they hold nothing that was
	// overwritten or removed. Reads and commits may wait meanwhile.
	Compact(ctx context.Context) error
}
