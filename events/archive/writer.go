package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"jangbu/events"
)

// partialSuffix marks an incomplete file.
const partialSuffix = ".partial"

// PartialPath returns the path of an incomplete export: lines, not yet compressed or
// converted, so that [Resume] can continue after any whole one.
func PartialPath(path string) string { return path + partialSuffix }

// Writer writes an export. It is not safe for concurrent use.
type Writer struct {
	path  string
	f     *os.File // the partial file
	tally *tally
	buf   []byte
}

// Create begins an export of events that follow a link of the log's chain. fs.ErrExist if
// there is a partial file.
func Create(path string, before events.Link) (*Writer, error) {
	f, err := os.OpenFile(PartialPath(path), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create partial file: %w", err)
	}
	return &Writer{path: path, f: f, tally: newTally(before)}, nil
}

// Resume continues a partial file after its last whole line and truncates the rest,
// which a crash may leave. fs.ErrNotExist if there is no partial file.
func Resume(path string, before events.Link) (*Writer, error) {
	f, err := os.OpenFile(PartialPath(path), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open partial file: %w", err)
	}
	w := &Writer{path: path, f: f, tally: newTally(before)}
	if err := w.resume(); err != nil {
		return nil, fmt.Errorf("continue partial file: %w", errors.Join(err, f.Close()))
	}
	return w, nil
}

func (w *Writer) resume() error {
	lines := newLines(w.f)
	for lines.Scan() {
		line := lines.Bytes()
		r, err := ParseLine(line[:len(line)-1])
		if err != nil || w.tally.add(r, line) != nil {
			break // this line and those after it are written again
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, bufio.ErrTooLong) {
		return err
	}
	if err := w.f.Truncate(w.tally.bytes); err != nil {
		return err
	}
	_, err := w.f.Seek(w.tally.bytes, io.SeekStart)
	return err
}

// Ends returns the first and the last event written; ok is false if there is none.
func (w *Writer) Ends() (first, last events.Recorded, ok bool) {
	return w.tally.first, w.tally.last, w.tally.bytes > 0
}

// Write appends the next events and makes them durable.
func (w *Writer) Write(batch []events.Recorded) error {
	w.buf = w.buf[:0]
	for _, r := range batch {
		start := len(w.buf)
		w.buf = append(AppendLine(w.buf, r), '\n')
		if len(w.buf)-start > maxLine {
			return fmt.Errorf("write position %d: its line has %d bytes, more than an import reads", r.Position, len(w.buf)-start)
		}
		if err := w.tally.add(r, w.buf[start:]); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if _, err := w.f.Write(w.buf); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("make durable: %w", err)
	}
	return nil
}

// Finish gives the export its name, replacing an older one, and its manifest. If ctx
// ends first, the partial file stays as it is and Finish can be called again. The
// manifest is renamed first: if the process ends in between, an import refuses the
// older export beside it, and [Resume] and Finish complete the new one.
func (w *Writer) Finish(ctx context.Context, now time.Time) (Manifest, error) {
	m := w.tally.manifest()
	m.ExportedAt = now.UTC().Truncate(time.Second)
	complete := PartialPath(w.path)
	switch {
	case isCompressed(w.path):
		complete += ".zst"
		if err := w.compress(ctx, complete); err != nil {
			return m, fmt.Errorf("compress: %w", err)
		}
	case isParquet(w.path):
		complete += ".parquet"
		var err error
		if m.Bytes, m.SHA256, err = w.convert(ctx, complete); err != nil {
			return m, fmt.Errorf("convert to Parquet: %w", err)
		}
	}
	if err := m.write(w.path); err != nil {
		return m, err
	}
	if err := os.Rename(complete, w.path); err != nil {
		return m, fmt.Errorf("rename export: %w", err)
	}
	if complete != PartialPath(w.path) {
		if err := os.Remove(PartialPath(w.path)); err != nil {
			return m, fmt.Errorf("remove partial file: %w", err)
		}
	}
	dir, err := os.Open(filepath.Dir(w.path))
	if err != nil {
		return m, fmt.Errorf("open directory: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return m, fmt.Errorf("make names durable: %w", err)
	}
	return m, nil
}

// compress writes the content of the partial file, compressed, to path.
func (w *Writer) compress(ctx context.Context, path string) (err error) {
	if _, err := w.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := zstd.NewWriter(f)
	if err != nil {
		return err
	}
	for err == nil {
		if err = ctx.Err(); err == nil {
			_, err = io.CopyN(z, w.f, 1<<20)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, z.Close(), f.Sync())
}

// Close closes the partial file. The file stays unless Finish has renamed it.
func (w *Writer) Close() error { return w.f.Close() }
