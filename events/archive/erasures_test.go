package archive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/archive"
)

// person returns the nth registration of a log.
func person(t *testing.T, log events.Log, n int) (events.Position, *events.ParticipantRegistered) {
	t.Helper()
	for _, r := range contents(t, log) {
		if p, ok := r.Event.(*events.ParticipantRegistered); ok {
			if n--; n == 0 {
				return r.Position, p
			}
		}
	}
	t.Fatal("too few registrations")
	return 0, nil
}

func erase(t *testing.T, log events.Log, c events.Campaign, positions ...events.Position) {
	t.Helper()
	if _, err := log.Erasures().Erase(t.Context(), events.Erasure{Campaign: c, Positions: positions, Who: "kim", Why: "asked"}); err != nil {
		t.Fatal(err)
	}
}

// TestErasuresRoundTrip exports a log with erased persons in each format: no file holds one,
// and the copy has the same erased events and the records of them.
func TestErasuresRoundTrip(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 500)
	at, who := person(t, log, 100)
	erase(t, log, who.Campaign, at)
	erase(t, log, who.Campaign)
	want, err := log.Erasures().List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"log.jsonl", "log.jsonl.zst", "log.parquet"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := exported(t, log, name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, ".zst") {
				text = decompress(t, text)
			}
			if bytes.Contains(text, []byte(`"`+who.Participant+`"`)) {
				t.Error("the export holds an erased person")
			}
			copied := openLog(t)
			for range 2 {
				if _, err := imported(t.Context(), copied, path); err != nil {
					t.Fatal(err)
				}
			}
			if diff := difference(contents(t, log), contents(t, copied)); diff != "" {
				t.Errorf("events (-exported +imported):\n%s", diff)
			}
			got, err := copied.Erasures().List(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("erasures (-exported +imported):\n%s", diff)
			}
			for say, change := range map[string][2]string{
				"does not say by whom":   {`"erasures": [`, `"erasures": [], "x": [`},
				"says that it is erased": {`"positions": [`, `"positions": [ 20,`},
			} {
				manifest, err := os.ReadFile(archive.ManifestPath(path))
				if err != nil {
					t.Fatal(err)
				}
				changed := strings.Replace(string(manifest), change[0], change[1], 1)
				if strings.Contains(changed, `"x"`) {
					head, rest, _ := strings.Cut(changed, `, "x": [`)
					_, rest, _ = strings.Cut(rest, "\n  ],")
					changed = head + "," + rest
				}
				if err := os.WriteFile(archive.ManifestPath(path), []byte(changed), 0o600); err != nil {
					t.Fatal(err)
				}
				refused(t, path, say)
				if err := os.WriteFile(archive.ManifestPath(path), manifest, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestErasedWhileExported erases a person between two parts of an export: what was written
// of the person is not given the export's name.
func TestErasedWhileExported(t *testing.T) {
	t.Parallel()
	for name, nth := range map[string]int{"in the middle": 50, "the last one written": 200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := fullLog(t, 500)
			path := filepath.Join(t.TempDir(), "log.jsonl")
			last, _ := person(t, log, 200)
			killed(t, log, path, last)
			at, who := person(t, log, nth)
			erase(t, log, who.Campaign, at)
			w, err := archive.Resume(path, events.Link{})
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, archive.Export(t.Context(), log, w, 1, head(t, log), ignore), archive.ErrErased)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
