package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"

	"jangbu/events"
)

// rowGroup is the number of rows of a row group, which a reader or writer holds in
// memory as a whole.
const rowGroup = 20_000

// parquetRow is an event as a row of a Parquet file.
type parquetRow struct {
	Position   int64    `parquet:"position,delta"`
	ID         [16]byte `parquet:"id,uuid"`
	Type       string   `parquet:"type,dict"`
	Campaign   string   `parquet:"eventId,dict"`
	OccurredAt int64    `parquet:"occurredAt,timestamp(microsecond)"`
	RecordedAt int64    `parquet:"recordedAt,timestamp(microsecond)"`
	Digest     [32]byte `parquet:"digest"`
	Payload    []byte   `parquet:"payload,json"`
	// The record that it came from; without a value where that is unknown, and no columns of
	// files of version 2.
	Topic     *string `parquet:"topic,optional,dict"`
	Partition *int32  `parquet:"partition,optional"`
	Offset    *int64  `parquet:"offset,optional"`
}

func rowOf(r events.Recorded) parquetRow {
	row := parquetRow{
		Position: int64(r.Position), ID: r.ID, Type: r.Event.Type().String(), Campaign: string(r.Event.Subject()),
		OccurredAt: r.OccurredAt.UnixMicro(), RecordedAt: r.RecordedAt.UnixMicro(),
		Digest: r.Digest, Payload: events.AppendStored(nil, r.Event),
	}
	if o := r.Origin; o.Known() {
		row.Topic, row.Partition, row.Offset = &o.Topic, &o.Partition, &o.Offset
	}
	return row
}

// recorded is the inverse of rowOf. [ErrDamaged] for any other row.
func (row *parquetRow) recorded(form events.Form) (events.Recorded, error) {
	r := events.Recorded{
		Position: events.Position(row.Position), ID: row.ID, Digest: row.Digest,
		OccurredAt: time.UnixMicro(row.OccurredAt).UTC(), RecordedAt: time.UnixMicro(row.RecordedAt).UTC(),
	}
	switch {
	case row.Topic != nil && row.Partition != nil && row.Offset != nil:
		r.Origin = events.Origin{Topic: *row.Topic, Partition: *row.Partition, Offset: *row.Offset}
	case row.Topic != nil || row.Partition != nil || row.Offset != nil:
		return r, fmt.Errorf("%w: the row of position %d has a part of an origin", ErrDamaged, row.Position)
	}
	typ, known := events.TypeNamed(row.Type)
	if !known {
		return r, fmt.Errorf("%w: type: is none of the four", ErrDamaged)
	}
	var err error
	if r.Event, err = events.DecodeStored(form, typ, row.Payload); err != nil {
		return r, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if string(r.Event.Subject()) != row.Campaign || form == events.CurrentForm && !bytes.Equal(events.AppendStored(nil, r.Event), row.Payload) {
		return r, fmt.Errorf("%w: the row of position %d is not as it is written", ErrDamaged, r.Position)
	}
	return r, nil
}

// convert writes the lines of the partial file to a Parquet file and returns its
// size and checksum.
func (w *Writer) convert(ctx context.Context, path string) (size int64, sum string, err error) {
	if _, err := w.f.Seek(0, io.SeekStart); err != nil {
		return 0, "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	p := parquet.NewGenericWriter[parquetRow](f, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(rowGroup))
	rows, lines := make([]parquetRow, 0, batch), newLines(w.f)
	for more := true; more; {
		if more = lines.Scan(); more {
			line := lines.Bytes()
			r, err := ParseLine(line[:len(line)-1])
			if err != nil {
				return 0, "", err
			}
			rows = append(rows, rowOf(r))
		}
		if len(rows) == batch || !more {
			if err := ctx.Err(); err != nil {
				return 0, "", err
			}
			if _, err := p.Write(rows); err != nil {
				return 0, "", err
			}
			rows = rows[:0]
		}
	}
	if err := errors.Join(lines.Err(), p.Close(), f.Sync()); err != nil {
		return 0, "", err
	}
	return fileSum(f)
}

// fileSum returns a file's length and its SHA-256.
func fileSum(f *os.File) (size int64, sum string, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, "", err
	}
	h := sha256.New()
	size, err = io.Copy(h, f)
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// eachRow calls add with each event of a Parquet file. [ErrDamaged] if the file does
// not have the manifest's checksum.
func (r *Reader) eachRow(ctx context.Context, add func(events.Recorded) error) (err error) {
	size, sum, err := fileSum(r.f)
	if err != nil {
		return err
	}
	if size != r.Manifest.Bytes || sum != r.Manifest.SHA256 {
		return fmt.Errorf("%w: the file has %d bytes with the SHA-256 %s, its manifest says %d and %s",
			ErrDamaged, size, sum, r.Manifest.Bytes, r.Manifest.SHA256)
	}
	var p *parquet.GenericReader[parquetRow]
	if err := guarded(func() error {
		file, err := parquet.OpenFile(r.f, size)
		if err == nil {
			p = parquet.NewGenericReader[parquetRow](file)
		}
		return err
	}); err != nil {
		return fmt.Errorf("%w: no Parquet file: %w", ErrDamaged, err)
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	rows := make([]parquetRow, 512)
	for row := 1; ; {
		var n int
		err := guarded(func() (err error) {
			n, err = p.Read(rows)
			return err
		})
		for i := range rows[:n] {
			event, err := rows[i].recorded(r.Manifest.form())
			if err != nil {
				return fmt.Errorf("row %d: %w", row, err)
			}
			if err := add(event); err != nil {
				return err
			}
			row++
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("row %d: %w: %w", row, ErrDamaged, err)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// guarded turns a panic of read into an error: the library may panic on a damaged
// file whose manifest was forged to match.
func guarded(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return read()
}
