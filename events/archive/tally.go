package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"

	"jangbu/events"
)

// maxLine bounds a line, and so the memory for a file that is not an export (I14). A
// record has at most events.MaxRecordBytes, and its event is hardly longer.
const maxLine = 16 << 20

// tally accumulates the manifest of an export.
type tally struct {
	first, last events.Recorded
	erased      []events.Position // the events added that are erased, in order
	erasures    []Erasure         // of the manifest
	types       map[string]int64
	bytes       int64
	sum         hash.Hash
	// before is the link before the first event; link that after the last one, from the
	// digests of the events that were added.
	before, link events.Link
}

// newTally returns a tally of events that follow a link.
func newTally(before events.Link) *tally {
	return &tally{types: make(map[string]int64), sum: sha256.New(), before: before, link: before}
}

// add adds the next event with its line including the end; line is nil for a row.
// [ErrDamaged] if the event's position does not follow the last one.
func (t *tally) add(r events.Recorded, line []byte) error {
	if t.last.Position == 0 {
		t.first = r
	} else if r.Position != t.last.Position+1 {
		return fmt.Errorf("%w: position %d in the place of %d", ErrDamaged, r.Position, t.last.Position+1)
	}
	t.last, t.link = r, t.link.Next(r.Digest)
	if r.Overwritten() {
		t.erased = append(t.erased, r.Position)
	}
	t.types[r.Event.Type().String()]++
	t.bytes += int64(len(line))
	_, _ = t.sum.Write(line) // a hash never fails
	return nil
}

// manifest returns the manifest of the events added.
func (t *tally) manifest() Manifest {
	return Manifest{
		Format: formatName, Version: formatVersion,
		First: t.first.Position, Last: t.last.Position, Types: maps.Clone(t.types), Erasures: t.erasures,
		Bytes: t.bytes, SHA256: hex.EncodeToString(t.sum.Sum(nil)),
		Before: t.before.String(), Link: t.link.String(),
	}
}

// newLines scans lines with their ends. The error is io.ErrUnexpectedEOF for a line
// without an end, bufio.ErrTooLong for one longer than maxLine.
func newLines(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 1<<16), maxLine)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i+1], nil
		}
		if atEOF && len(data) > 0 {
			return 0, nil, io.ErrUnexpectedEOF
		}
		return 0, nil, nil
	})
	return s
}
