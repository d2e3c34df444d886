package archive

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"jangbu/events"
)

const (
	formatName = "jangbu-events"
	// formatVersion is that of the exports that are written. Earlier ones are read too: those
	// of version 2 hold no origins, and those of version 1 hold events in their first stored
	// form and have no links besides.
	formatVersion = 3
)

// maxManifest bounds the bytes read of a manifest (I14): a record of an erasure has a few
// hundred.
const maxManifest = 64 << 20

// Manifest lists what an export must hold.
type Manifest struct {
	Format  string           `json:"format"`
	Version int              `json:"version"`
	First   events.Position  `json:"first"`
	Last    events.Position  `json:"last"`
	Types   map[string]int64 `json:"types"` // number of events by name of their type, if any
	// Bytes and SHA256 are those of the lines, with their ends, before compression;
	// for Parquet those of the file.
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Before and Link are the links of the log's chain before the first event and after
	// the last one, in hexadecimal digits; empty in version 1.
	Before string `json:"linkBefore,omitempty"`
	Link   string `json:"link,omitempty"`
	// Erasures say by whom persons were erased from the events, and campaigns' keys destroyed.
	Erasures   []Erasure `json:"erasures,omitempty"`
	ExportedAt time.Time `json:"exportedAt"`
}

// ManifestPath returns the path of an export's manifest.
func ManifestPath(path string) string { return path + ".manifest.json" }

// CheckName returns an error unless the name ends in that of a known format.
func CheckName(path string) error {
	if !strings.HasSuffix(path, ".jsonl") && !isCompressed(path) && !isParquet(path) {
		return errors.New("expected a name that ends in .jsonl, .jsonl.zst or .parquet")
	}
	return nil
}

func isCompressed(path string) bool { return strings.HasSuffix(path, ".jsonl.zst") }
func isParquet(path string) bool    { return strings.HasSuffix(path, ".parquet") }

func readManifest(path string) (m Manifest, err error) {
	f, err := os.Open(ManifestPath(path))
	if err != nil {
		return m, fmt.Errorf("open manifest: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return m, fmt.Errorf("read manifest: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("%w: manifest: %w", ErrDamaged, err)
	}
	if m.Format != formatName || m.Version < 1 || m.Version > formatVersion {
		return m, fmt.Errorf("read manifest: format %q version %d; this program reads %q versions 1 to %d", m.Format, m.Version, formatName, formatVersion)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return m, fmt.Errorf("%w: manifest: data follows the JSON object", ErrDamaged)
	}
	if _, err := m.start(); err != nil {
		return m, err
	}
	var sum int64
	for _, n := range m.Types {
		sum += n
	}
	if m.First < 1 || m.Last < m.First || sum != int64(m.Last-m.First)+1 {
		return m, fmt.Errorf("%w: manifest: positions %d to %d, but %d events by type", ErrDamaged, m.First, m.Last, sum)
	}
	return m, nil
}

// form returns the stored form of the export's events.
func (m Manifest) form() events.Form {
	if m.Version == 1 {
		return 1
	}
	return events.CurrentForm
}

// start returns the link before the first event. [ErrDamaged] if the manifest has none that
// can be one.
func (m Manifest) start() (l events.Link, err error) {
	raw, err := hex.DecodeString(m.Before)
	switch {
	case m.Version == 1 && m.Before == "" && m.Link == "":
		return l, nil
	case err != nil || len(raw) != len(l) || m.Version == 1 || m.First == 1 && m.Before != l.String():
		return l, fmt.Errorf("%w: manifest: linkBefore: expected 64 hexadecimal digits, zeros before position 1", ErrDamaged)
	}
	return events.Link(raw), nil
}

// Importable returns an error unless the export begins at position 1.
func (m Manifest) Importable() error {
	if m.First != 1 {
		return fmt.Errorf("the export begins at position %d; only from position 1 on do events keep their positions", m.First)
	}
	return nil
}

// write makes the manifest durable under its name.
func (m Manifest) write(path string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	partial := ManifestPath(path) + partialSuffix
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create manifest: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	if err := os.Rename(partial, ManifestPath(path)); err != nil {
		return fmt.Errorf("rename manifest: %w", err)
	}
	return nil
}
