package archive_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/parquet-go/parquet-go"

	"jangbu/events"
	"jangbu/events/archive"
)

// rowOf2 is a row of version 2, which has no origin.
type rowOf2 struct {
	Position   int64    `parquet:"position,delta"`
	ID         [16]byte `parquet:"id,uuid"`
	Type       string   `parquet:"type,dict"`
	Campaign   string   `parquet:"eventId,dict"`
	OccurredAt int64    `parquet:"occurredAt,timestamp(microsecond)"`
	RecordedAt int64    `parquet:"recordedAt,timestamp(microsecond)"`
	Digest     [32]byte `parquet:"digest"`
	Payload    []byte   `parquet:"payload,json"`
}

// withoutOrigins returns lines of version 3 as those of version 2.
func withoutOrigins(lines []byte) []byte {
	return regexp.MustCompile(`,"topic":"[^"]*","partition":[0-9]+,"offset":[0-9]+`).ReplaceAll(lines, nil)
}

// TestVersion2 imports what the release before wrote: the same events, without origins.
func TestVersion2(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 50)
	want := contents(t, log)
	for i := range want {
		want[i].Origin = events.Origin{}
	}
	for name, strip := range map[string]func(path string) error{
		"log.jsonl": func(path string) error {
			lines, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, withoutOrigins(lines), 0o600)
		},
		"log.parquet": func(path string) error {
			rows, err := parquet.ReadFile[rowOf2](path)
			if err != nil {
				return err
			}
			return parquet.WriteFile(path, rows)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := exported(t, log, name)
			if err := strip(path); err != nil {
				t.Fatal(err)
			}
			manifest, err := os.ReadFile(archive.ManifestPath(path))
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			var m archive.Manifest
			if err := json.Unmarshal(manifest, &m); err != nil {
				t.Fatal(err)
			}
			m.Version, m.Bytes, m.SHA256 = 2, info.Size(), sum(t, path)
			if manifest, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(archive.ManifestPath(path), manifest, 0o600); err != nil {
				t.Fatal(err)
			}
			other := openLog(t)
			if _, err := imported(t.Context(), other, path); err != nil {
				t.Fatal(err)
			}
			if diff := difference(want, contents(t, other)); diff != "" {
				t.Errorf("(-exported +imported):\n%s", diff)
			}
		})
	}
}

// TestResumeOfVersion2 goes on with the partial file of the release before.
func TestResumeOfVersion2(t *testing.T) {
	t.Parallel()
	log, path := fullLog(t, 20), filepath.Join(t.TempDir(), "log.jsonl")
	killed(t, log, path, 7)
	lines, err := os.ReadFile(archive.PartialPath(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(archive.PartialPath(path), withoutOrigins(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := archive.Resume(path, events.Link{})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, log, w, 1)
	other := openLog(t)
	if _, err := imported(t.Context(), other, path); err != nil {
		t.Fatal(err)
	}
	want := contents(t, log)
	for i := range want[:7] {
		want[i].Origin = events.Origin{}
	}
	if diff := difference(want, contents(t, other)); diff != "" {
		t.Errorf("(-exported +imported):\n%s", diff)
	}
}
