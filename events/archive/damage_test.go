package archive_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"jangbu/events/archive"
)

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

// TestDamageIsRefused damages an export, or its manifest, in many ways; an import
// appends nothing.
func TestDamageIsRefused(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 4)
	replace := func(old, with string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("there is no %s", old)
			}
			return bytes.Replace(b, []byte(old), []byte(with), 1)
		}
	}
	lines := func(change func(lines [][]byte) [][]byte) func([]byte) []byte {
		return func(b []byte) []byte {
			return bytes.Join(change(bytes.SplitAfter(b, []byte("\n"))), nil)
		}
	}
	for _, c := range []struct {
		what   string
		change func([]byte) []byte
		says   string
	}{
		{"file: a line is lost", lines(func(l [][]byte) [][]byte { return append(l[:2:2], l[3:]...) }), "position 4 in the place of 3"},
		{"file: the last line is lost", lines(func(l [][]byte) [][]byte { return l[:len(l)-2] }), "its manifest says"},
		{"file: a line is there twice", lines(func(l [][]byte) [][]byte { return append(l[:3:3], l[2:]...) }), "position 3 in the place of 4"},
		{"file: two lines changed places", lines(func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }), "position 3 in the place of 2"},
		{"file: the end is cut", func(b []byte) []byte { return b[:len(b)-1] }, "unexpected EOF"},
		{"file: empty", func([]byte) []byte { return nil }, "positions 0 to 0"},
		{"file: something follows", func(b []byte) []byte { return append(b, "{}\n"...) }, "line "},
		{"file: an empty line", func(b []byte) []byte { return append([]byte("\n"), b...) }, "line 1"},
		{"file: another event of the same form", replace(`"occurredAt":"2026-`, `"occurredAt":"2027-`), "SHA-256"},
		{"file: other white space", replace(`,"id":`, `, "id":`), "line 1"},
		{"file: another campaign outside", replace(`"campaign":"`, `"campaign":"x`), "line 1"},
		{"manifest: another sum", replace(`"sha256": "`, `"sha256": "0`), "SHA-256"},
		{"manifest: another count", replace(`"EventCreated": 3`, `"EventCreated": 4`), "by type"},
		{"manifest: other types", func(b []byte) []byte {
			return replace(`"ParticipantRegistered": 4`, `"ParticipantRegistered": 3`)(replace(`"EventCreated": 3`, `"EventCreated": 4`)(b))
		}, "by type"},
		{"manifest: another size", replace(`"bytes": `, `"bytes": 1`), "bytes"},
		{"manifest: another last position", replace(`"last": `, `"last": 1`), "by type"},
		{"manifest: another version", replace(`"version": 3`, `"version": 4`), "version 4"},
		{"manifest: another link", replace(`"link": "`, `"link": "0`), "chain"},
		{"manifest: another link before", replace(`"linkBefore": "0`, `"linkBefore": "1`), "linkBefore"},

		{"manifest: another format", replace(`"jangbu-events"`, `"other"`), `"other"`},
		{"manifest: a member more", replace(`"first"`, `"more": 1, "first"`), "more"},
		{"manifest: something follows", func(b []byte) []byte { return append(b, "{}"...) }, "follows"},
		{"manifest: empty", func([]byte) []byte { return nil }, "manifest"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			path := exported(t, log, "log.jsonl")
			damaged := path
			if strings.HasPrefix(c.what, "manifest") {
				damaged = archive.ManifestPath(path)
			}
			b, err := os.ReadFile(damaged)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(damaged, c.change(b), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, path, c.says)
		})
	}
	t.Run("compressed", func(t *testing.T) {
		t.Parallel()
		path := exported(t, log, "log.jsonl.zst")
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		plain := decompress(t, whole)
		for i := range whole {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 0x10
			for _, damaged := range [][]byte{whole[:i], flipped} {
				if err := os.WriteFile(path, damaged, 0o600); err != nil {
					t.Fatal(err)
				}
				r, err := archive.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				// A bit of a frame's header may mean nothing for what is in it.
				if err := r.Verify(t.Context(), ignore); err == nil && !bytes.Equal(decompress(t, damaged), plain) {
					t.Errorf("byte %d: not found", i)
				}
				_ = r.Close()
			}
		}
		if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "export is damaged")
	})
	t.Run("no manifest", func(t *testing.T) {
		t.Parallel()
		path := exported(t, log, "log.jsonl")
		if err := os.Remove(archive.ManifestPath(path)); err != nil {
			t.Fatal(err)
		}
		_, err := archive.Open(path)
		wantError(t, err, fs.ErrNotExist)
	})
	t.Run("not from the first position", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "part.jsonl")
		before, _, err := log.Chain().Link(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		w, err := archive.Create(path, before)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, log, w, 2)
		refused(t, path, "begins at position 2")
	})
}

// refused checks that an import fails with such an error, and appends nothing.
func refused(t *testing.T, path, says string) {
	t.Helper()
	other := openLog(t)
	_, err := imported(t.Context(), other, path)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("got error %v, want one that says %q", err, says)
	}
	if got := head(t, other); got != 0 {
		t.Errorf("%d events were appended", got)
	}
}

// decompress returns as much as can be decompressed.
func decompress(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	plain, _ := io.ReadAll(z)
	return plain
}
