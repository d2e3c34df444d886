package sqliterows

import (
	"database/sql"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Nullable values are handed to the driver as nil or int64, which it takes as
// they are.

func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func timeOf(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return time.UnixMicro(micros.Int64).UTC()
}

func nullWon(w *events.Won) any {
	if w == nil {
		return nil
	}
	return int64(*w)
}

func wonOf(n sql.NullInt64) *events.Won {
	if !n.Valid {
		return nil
	}
	w := events.Won(n.Int64)
	return &w
}

// nullFigure keeps apart what is unknown and what is zero (I8).
func nullFigure(f readmodel.Figure) (value, at any) {
	if !f.Known() {
		return nil, nil
	}
	return f.Value, nullTime(f.At)
}

func figureOf(value, at sql.NullInt64) readmodel.Figure {
	return readmodel.Figure{Value: value.Int64, At: timeOf(at)}
}
