package archive_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"jangbu/events"
	"jangbu/events/archive"
)

// row is an event as a reader without this package sees it.
type row struct {
	Position   int64    `parquet:"position,delta"`
	ID         [16]byte `parquet:"id,uuid"`
	Type       string   `parquet:"type,dict"`
	Campaign   string   `parquet:"eventId,dict"`
	OccurredAt int64    `parquet:"occurredAt,timestamp(microsecond)"`
	RecordedAt int64    `parquet:"recordedAt,timestamp(microsecond)"`
	Digest     [32]byte `parquet:"digest"`
	Payload    []byte   `parquet:"payload,json"`
	Topic      *string  `parquet:"topic,optional,dict"`
	Partition  *int32   `parquet:"partition,optional"`
	Offset     *int64   `parquet:"offset,optional"`
}

const schema = `message row {
	required int64 position (INT(64,true));
	required fixed_len_byte_array(16) id (UUID);
	required binary type (STRING);
	required binary eventId (STRING);
	required int64 occurredAt (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	required int64 recordedAt (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	required fixed_len_byte_array(32) digest;
	required binary payload (JSON);
	optional binary topic (STRING);
	optional int32 partition (INT(32,true));
	optional int64 offset (INT(64,true));
}`

// TestParquetIsForOthers reads an export as another program does.
func TestParquetIsForOthers(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 3_000)
	path := exported(t, log, "log.parquet")
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	open, err := parquet.OpenFile(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Replace(open.Schema().String(), "message "+open.Schema().Name(), "message row", 1)
	if diff := cmp.Diff(schema, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
	rows, err := parquet.ReadFile[row](path)
	if err != nil {
		t.Fatal(err)
	}
	all := contents(t, log)
	if len(rows) != len(all) {
		t.Fatalf("%d rows of %d events", len(rows), len(all))
	}
	for i, r := range all {
		want := row{
			int64(r.Position), r.ID, r.Event.Type().String(), string(r.Event.Subject()), r.OccurredAt.UnixMicro(),
			r.RecordedAt.UnixMicro(), r.Digest, events.AppendStored(nil, r.Event), nil, nil, nil,
		}
		if o := r.Origin; o.Known() {
			want.Topic, want.Partition, want.Offset = &o.Topic, &o.Partition, &o.Offset
		}
		if diff := difference(want, rows[i]); diff != "" {
			t.Fatalf("row %d (-want +got):\n%s", i, diff)
		}
	}
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if r.Manifest.SHA256 != sum(t, path) || r.Manifest.Bytes != info.Size() {
		t.Errorf("the manifest is of another file: %+v", r.Manifest)
	}
}

func sum(t *testing.T, path string) string {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(whole)
	return hex.EncodeToString(digest[:])
}

// TestParquetResumed resumes an export that was killed.
func TestParquetResumed(t *testing.T) {
	t.Parallel()
	log, path := fullLog(t, 20), filepath.Join(t.TempDir(), "log.parquet")
	killed(t, log, path, 7)
	// Killed again while it was converted.
	if err := os.WriteFile(archive.PartialPath(path)+".parquet", []byte("PAR1 half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := archive.Resume(path, events.Link{})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, log, w, 1)
	if sum(t, path) != sum(t, exported(t, log, "log.parquet")) {
		t.Error("another file came of it")
	}
	other := openLog(t)
	if _, err := imported(t.Context(), other, path); err != nil {
		t.Fatal(err)
	}
	if diff := difference(contents(t, log), contents(t, other)); diff != "" {
		t.Errorf("(-exported +imported):\n%s", diff)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if want := []string{path, archive.ManifestPath(path)}; err != nil || !cmp.Equal(left, want) {
		t.Errorf("the directory holds %v, %v; want %v", left, err, want)
	}
}

// TestDamagedParquetIsRefused damages a file, and also forges a manifest for it.
func TestDamagedParquetIsRefused(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 4)
	path := exported(t, log, "log.parquet")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.ReadFile[row](path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(t *testing.T, content []byte, signed bool) string {
		t.Helper()
		damaged := filepath.Join(t.TempDir(), "log.parquet")
		manifest, err := os.ReadFile(archive.ManifestPath(path))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(damaged, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if signed {
			var m archive.Manifest
			if err := json.Unmarshal(manifest, &m); err != nil {
				t.Fatal(err)
			}
			m.Bytes, m.SHA256 = int64(len(content)), sum(t, damaged)
			if manifest, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(archive.ManifestPath(damaged), manifest, 0o600); err != nil {
			t.Fatal(err)
		}
		return damaged
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/3] ^= 1
	for name, content := range map[string][]byte{
		"a bit": flipped, "the end": whole[:len(whole)-1], "empty": nil, "something follows": append(slices.Clip(whole), 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, write(t, content, false), "SHA-256")
		})
	}
	for name, content := range map[string][]byte{
		"no Parquet": []byte("PAR1 no Parquet PAR1"), "empty": nil, "half": whole[:len(whole)/2], "the end alone": whole[len(whole)/2:],
	} {
		t.Run("signed: "+name, func(t *testing.T) {
			t.Parallel()
			refused(t, write(t, content, true), "export is damaged")
		})
	}
	for name, change := range map[string]func(rows []row) []row{
		"row 2: export is damaged: type":       func(r []row) []row { r[1].Type = "Other"; return r },
		"row 1: export is damaged: the row of": func(r []row) []row { r[0].Campaign = "other"; return r },
		"row 3: export is damaged":             func(r []row) []row { r[2].Payload = append(r[2].Payload, ' '); return r },
		"row 4: export is damaged":             func(r []row) []row { r[3].Payload = []byte("null"); return r },
		"position 2 in the place of 3":         func(r []row) []row { r[2].Position = 2; return r },
		"it holds positions":                   func(r []row) []row { return r[:len(r)-1] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := make([]row, len(rows))
			copy(changed, rows)
			for i := range changed {
				changed[i].Payload = append([]byte(nil), rows[i].Payload...)
			}
			file := filepath.Join(t.TempDir(), "changed.parquet")
			if err := parquet.WriteFile(file, change(changed)); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			refused(t, write(t, content, true), name)
		})
	}
	t.Run("other columns", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "other.parquet")
		if err := parquet.WriteFile(file, []struct{ Name string }{{"x"}}); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, write(t, content, true), "export is damaged")
	})
}
