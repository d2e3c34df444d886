package sqliterows

import (
	"testing"

	"jangbu/projections"
)

// TestValueOfAnotherTypeIsRefused holds that no value is read as what it is not: NULL where none may be,
// or one of a type that the column never has.
func TestValueOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	for _, described := range projections.Tables(projections.All()) {
		for i := range described.Columns {
			c := &described.Columns[i]
			other := any("1")
			if c.HasTexts() {
				other = int64(1)
			}
			for _, stored := range []any{other, 1.5, []byte("1")} {
				if setField(c, described.NewRow(), stored) == nil {
					t.Errorf("%s: a %T was read", c.Name, stored)
				}
			}
			if err := setField(c, described.NewRow(), nil); (err == nil) != c.Null {
				t.Errorf("%s: NULL: %v", c.Name, err)
			}
		}
	}
}
