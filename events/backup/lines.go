package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// maxLine bounds a line, and so the memory for a file that is not of a backup (I14): the longest
// holds a sealed record in base64.
const maxLine = 8 << 20

// lines writes one JSON object a line, compressed, to a new file that only its owner may read.
type lines struct {
	f       *os.File
	zip     *zstd.Encoder
	json    *json.Encoder
	records int64
}

func createLines(dir, name string) (*lines, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	zip, err := zstd.NewWriter(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lines{f: f, zip: zip, json: json.NewEncoder(zip)}, nil
}

func (l *lines) add(entry any) error {
	l.records++
	return l.json.Encode(entry)
}

// writeLines writes a file with what write adds to it, and makes it durable.
func writeLines(dir, name string, write func(*lines) error) (File, error) {
	l, err := createLines(dir, name)
	if err != nil {
		return File{}, err
	}
	err = write(l)
	if err = errors.Join(err, l.zip.Close(), l.f.Sync(), l.f.Close()); err != nil {
		return File{}, fmt.Errorf("write %s: %w", name, err)
	}
	return measure(dir, name, l.records)
}

// measure returns what the manifest says of a file.
func measure(dir, name string, records int64) (File, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return File{}, err
	}
	defer func() { _ = f.Close() }() // read only
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", name, err)
	}
	return File{Name: name, Records: records, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// eachLine calls f with every entry of a file, which has the form E. [ErrDamaged] if a line has
// not, or there are not as many as the manifest says.
func eachLine[E any](ctx context.Context, b *Backup, name string, f func(E) error) error {
	file, err := os.Open(filepath.Join(b.dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // read only
	zip, err := zstd.NewReader(file)
	if err != nil {
		return err
	}
	defer zip.Close()
	records := int64(0)
	s := bufio.NewScanner(zip)
	s.Buffer(make([]byte, 0, 1<<16), maxLine)
	for s.Scan() {
		if err := ctx.Err(); err != nil {
			return err
		}
		records++
		var entry E
		if err := json.Unmarshal(s.Bytes(), &entry); err != nil {
			return fmt.Errorf("%w: %s: line %d: %w", ErrDamaged, name, records, err)
		}
		if err := f(entry); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("%w: %s: after line %d: %w", ErrDamaged, name, records, err)
	}
	if want := b.Manifest.records(name); records != want {
		return fmt.Errorf("%w: %s has %d lines, its manifest says %d", ErrDamaged, name, records, want)
	}
	return nil
}
