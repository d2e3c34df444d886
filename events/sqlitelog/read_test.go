package sqlitelog_test

import (
	"errors"
	"path/filepath"
	"testing"

	"jangbu/events"
)

// TestEachColumnIsChecked: a read has several columns in one, where what one has too much could be
// taken for what another lacks.
func TestEachColumnIsChecked(t *testing.T) {
	t.Parallel()
	for _, damage := range []string{
		`id = CAST(id || substr(digest, 1, 1) AS BLOB), digest = substr(digest, 2)`,
		`digest = CAST(substr(id, 16) || digest AS BLOB), id = substr(id, 1, 15)`,
		`campaign = campaign || substr(payload, 1, 1), payload = substr(payload, 2)`,
		`digest = CAST(digest || campaign AS BLOB), campaign = ''`,
		`digest = CAST(digest || substr(campaign, 1, 1) AS BLOB), campaign = substr(campaign, 2)`,
		`digest = substr(digest, 1, 31)`,
		`id = x'', digest = x'', campaign = '', payload = ''`,
		`type = type + 512`,
		`type = type + (form << 8), form = 0`,
		`form = form + 256`,
		`form = -form`,
		`type = -1`,
	} {
		t.Run(damage, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "log.db")
			log := open(t, path)
			mustAppend(t, log, numbered("c", 0, 3))
			if err := exec(t.Context(), path, []string{`UPDATE events SET ` + damage + ` WHERE position = 2`}); err != nil {
				t.Fatal(err)
			}
			if read, err := log.Read(t.Context(), 0, 10); !errors.Is(err, events.ErrCorrupt) {
				t.Errorf("Read: %d events, %v; want ErrCorrupt", len(read), err)
			}
			if read, err := log.Read(t.Context(), 2, 10); err != nil || len(read) != 1 {
				t.Errorf("Read of the next: %d events, %v", len(read), err)
			}
		})
	}
}
