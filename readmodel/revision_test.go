package readmodel_test

import (
	"cmp"
	"testing"

	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
)

func TestRevisionsSortAsTheirStrings(t *testing.T) {
	t.Parallel()
	number := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Min(0))
	draw := func(rt *rapid.T) readmodel.Revision {
		return readmodel.Revision{
			Incarnation: number.Draw(rt, "incarnation"), Edits: number.Draw(rt, "edits"), Position: events.Position(number.Draw(rt, "position")),
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		a, b := draw(rt), draw(rt)
		if len(a.String()) != readmodel.RevisionDigits {
			rt.Fatalf("%+v is %q, want %d digits", a, a, readmodel.RevisionDigits)
		}
		if got, want := a.Compare(b), cmp.Compare(a.String(), b.String()); got != want {
			rt.Fatalf("%+v against %+v: %d, their strings %d", a, b, got, want)
		}
		if (a.Compare(b) == 0) != (a == b) {
			rt.Fatalf("%+v against %+v: %d", a, b, a.Compare(b))
		}
	})
}
