package pgrows

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events"
	"jangbu/readmodel"
)

// Columns of nullable values, as parameters.
type (
	int8s    = pgtype.FlatArray[pgtype.Int8]
	instants = pgtype.FlatArray[pgtype.Timestamptz]
)

func nullTime(t time.Time) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()}
}

func timeOf(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

func nullWon(w *events.Won) pgtype.Int8 {
	if w == nil {
		return pgtype.Int8{}
	}
	return pgtype.Int8{Int64: int64(*w), Valid: true}
}

func wonOf(n pgtype.Int8) *events.Won {
	if !n.Valid {
		return nil
	}
	w := events.Won(n.Int64)
	return &w
}

// nullFigure keeps apart what is unknown and what is zero (I8).
func nullFigure(f readmodel.Figure) (pgtype.Int8, pgtype.Timestamptz) {
	return pgtype.Int8{Int64: f.Value, Valid: f.Known()}, nullTime(f.At)
}

func figureOf(value pgtype.Int8, at pgtype.Timestamptz) readmodel.Figure {
	return readmodel.Figure{Value: value.Int64, At: timeOf(at)}
}
