package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/klauspost/compress/zstd"

	"jangbu/events"
)

// batch is the number of events read or written at once.
const batch = 5_000

// Reader reads an export. It is not safe for concurrent use.
type Reader struct {
	Manifest Manifest

	path     string
	f        *os.File
	verified bool
}

// Open opens an export and reads its manifest.
func Open(path string) (*Reader, error) {
	if err := CheckName(path); err != nil {
		return nil, fmt.Errorf("open export: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open export: %w", err)
	}
	m, err := readManifest(path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Reader{Manifest: m, path: path, f: f}, nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.f.Close() }

// Verify reads the whole export. [ErrDamaged] if a line or row is not as it was
// written or they are not those of the manifest. It calls done after each batch
// with the last position read.
func (r *Reader) Verify(ctx context.Context, done func(events.Position)) error {
	err := r.Each(ctx, func(read []events.Recorded) error {
		done(read[len(read)-1].Position)
		return nil
	})
	if err != nil {
		return fmt.Errorf("verify %s: %w", r.path, err)
	}
	r.verified = true
	return nil
}

// Ends returns the positions of the first and the last event.
func (r *Reader) Ends() (first, last events.Position) { return r.Manifest.First, r.Manifest.Last }

// Each calls f with batches of all events, in order, until f returns an error.
// [ErrDamaged] if an event is not as it was written or, after the last one, if they
// are not those of the manifest. f must not keep the slice.
func (r *Reader) Each(ctx context.Context, f func([]events.Recorded) error) error {
	before, err := r.Manifest.start()
	if err != nil {
		return err
	}
	t, read := newTally(before), make([]events.Recorded, 0, batch)
	flush := func() error {
		if len(read) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		err := f(read)
		read = read[:0]
		return err
	}
	add := func(event events.Recorded, line []byte) error {
		if err := t.add(event, line); err != nil {
			return err
		}
		if read = append(read, event); len(read) < batch {
			return nil
		}
		return flush()
	}
	if isParquet(r.path) {
		err = r.eachRow(ctx, func(event events.Recorded) error { return add(event, nil) })
	} else {
		err = r.eachLine(add)
	}
	if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	m := t.manifest()
	if isParquet(r.path) { // eachRow has compared them
		m.Bytes, m.SHA256 = r.Manifest.Bytes, r.Manifest.SHA256
	}
	if err := r.Manifest.compare(m); err != nil {
		return err
	}
	return t.checkErasures(r.Manifest)
}

// eachLine calls add with each event and its line.
func (r *Reader) eachLine(add func(events.Recorded, []byte) error) error {
	if _, err := r.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var text io.Reader = r.f
	if isCompressed(r.path) {
		z, err := zstd.NewReader(r.f)
		if err != nil {
			return err
		}
		defer z.Close()
		text = z
	}
	lines, n := newLines(text), 1
	for ; lines.Scan(); n++ {
		line := lines.Bytes()
		event, err := parseFormLine(r.Manifest.form(), line[:len(line)-1])
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := add(event, line); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w: %w", n, ErrDamaged, err)
	}
	return nil
}

// compare returns [ErrDamaged] with the first difference between the manifest and
// that of the events read.
func (m Manifest) compare(read Manifest) error {
	switch {
	case read.First != m.First || read.Last != m.Last:
		return fmt.Errorf("%w: it holds positions %d to %d, its manifest says %d to %d", ErrDamaged, read.First, read.Last, m.First, m.Last)
	case !maps.Equal(read.Types, m.Types):
		return fmt.Errorf("%w: it holds %v by type, its manifest says %v", ErrDamaged, read.Types, m.Types)
	case read.Bytes != m.Bytes:
		return fmt.Errorf("%w: it has %d bytes, its manifest says %d", ErrDamaged, read.Bytes, m.Bytes)
	case m.Version > 1 && read.Link != m.Link:
		return fmt.Errorf("%w: its chain ends with %s, its manifest says %s", ErrDamaged, read.Link, m.Link)
	case read.SHA256 != m.SHA256:
		return fmt.Errorf("%w: its SHA-256 is %s, its manifest says %s", ErrDamaged, read.SHA256, m.SHA256)
	}
	return nil
}
