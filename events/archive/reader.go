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

// batch is how many events are read or written at once.
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

// Verify reads the export from end to end. [ErrDamaged] where a line is not as
// it was written, or where they are not those of the manifest. done is told the
// last position read, now and then.
func (r *Reader) Verify(ctx context.Context, done func(events.Position)) error {
	err := r.each(ctx, func(read []events.Recorded) error {
		done(read[len(read)-1].Position)
		return nil
	})
	if err != nil {
		return fmt.Errorf("verify %s: %w", r.path, err)
	}
	r.verified = true
	return nil
}

// each calls f with all events in order, some at a time, and then compares what
// went by with the manifest.
func (r *Reader) each(ctx context.Context, f func([]events.Recorded) error) error {
	if _, err := r.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var text io.Reader = r.f
	if compressed(r.path) {
		z, err := zstd.NewReader(r.f)
		if err != nil {
			return err
		}
		defer z.Close()
		text = z
	}
	t, lines, read := newTally(), newLines(text), make([]events.Recorded, 0, batch)
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
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		event, err := ParseLine(line[:len(line)-1])
		if err == nil {
			err = t.add(event, line)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if read = append(read, event); len(read) == batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: after position %d: %w", ErrDamaged, t.last.Position, err)
	}
	if err := flush(); err != nil {
		return err
	}
	return r.Manifest.compare(t.manifest())
}

// compare says in what the lines read differ from the manifest.
func (m Manifest) compare(read Manifest) error {
	switch {
	case read.First != m.First || read.Last != m.Last:
		return fmt.Errorf("%w: it holds positions %d to %d, its manifest says %d to %d", ErrDamaged, read.First, read.Last, m.First, m.Last)
	case !maps.Equal(read.Types, m.Types):
		return fmt.Errorf("%w: it holds %v by type, its manifest says %v", ErrDamaged, read.Types, m.Types)
	case read.Bytes != m.Bytes:
		return fmt.Errorf("%w: its lines have %d bytes, its manifest says %d", ErrDamaged, read.Bytes, m.Bytes)
	case read.SHA256 != m.SHA256:
		return fmt.Errorf("%w: the SHA-256 of its lines is %s, its manifest says %s", ErrDamaged, read.SHA256, m.SHA256)
	}
	return nil
}
