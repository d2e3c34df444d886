package pgrows

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"jangbu/projections"
)

// TestUnexpectedFormatIsRefused holds that no value is read as what it is not: NULL where none may be, a
// number as text, or one of another size.
func TestUnexpectedFormatIsRefused(t *testing.T) {
	t.Parallel()
	for _, described := range projections.Tables(projections.All()) {
		for i := range described.Columns {
			c := &described.Columns[i]
			set := func(format int16, raw []byte) error {
				return setField(c, described.NewRow(), format, raw, new(string))
			}
			right, wrong := int16(pgx.TextFormatCode), int16(pgx.BinaryFormatCode)
			if binarySize(c.Kind) > 0 {
				right, wrong = wrong, right
				if set(right, make([]byte, 4)) == nil {
					t.Errorf("%s: a number of four bytes was read", c.Name)
				}
			}
			if err := set(right, nil); (err == nil) != c.Null {
				t.Errorf("%s: NULL: %v", c.Name, err)
			}
			if set(wrong, make([]byte, binarySize(c.Kind))) == nil {
				t.Errorf("%s: format %d was read", c.Name, wrong)
			}
		}
	}
}
