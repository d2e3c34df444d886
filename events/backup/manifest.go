package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"jangbu/events"
)

const (
	formatName    = "jangbu-backup"
	formatVersion = 1
	manifestName  = "manifest.json"
	// maxManifest bounds the bytes read of a manifest (I14): it lists a few files.
	maxManifest = 1 << 20
)

// The files of a backup. The log is an export of package archive, with its own manifest; an empty
// log has none.
const (
	logName      = "log.jsonl.zst"
	lettersName  = "deadletters.jsonl.zst"
	sourcesName  = "sources.jsonl.zst"
	accessesName = "accesses.jsonl.zst"
	rightsName   = "rights.jsonl.zst"
	keysName     = "keys.jsonl.zst"
)

var (
	// ErrDamaged means that a backup is not as it was written.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrIncomplete means that a directory holds no backup, or one that was interrupted.
	ErrIncomplete = errors.New("the directory holds no whole backup: it has no " + manifestName)
	// ErrNotEmpty means that the log or the keys hold something already.
	ErrNotEmpty = errors.New("a backup is restored where there is nothing yet")
	// ErrErasing means that persons were erased while their events were copied.
	ErrErasing = errors.New("persons were erased meanwhile: begin the backup again")
)

// Manifest lists what a backup must hold.
type Manifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Program is the version of the program that wrote it.
	Program string `json:"program"`
	// TakenAt is when the sources were read: every record read by then is in the backup.
	TakenAt time.Time `json:"takenAt"`
	// Head and Link are the last position and the link of the log's chain there.
	Head  events.Position `json:"head"`
	Link  string          `json:"link"`
	Files []File          `json:"files"`
}

// File is one of a backup's files.
type File struct {
	Name string `json:"name"`
	// Records is how many events, letters or other entries it holds.
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
}

// records returns how many entries the file of that name holds.
func (m Manifest) records(name string) int64 {
	for _, f := range m.Files {
		if f.Name == name {
			return f.Records
		}
	}
	return 0
}

// DeadLetters returns how many dead letters the backup holds.
func (m Manifest) DeadLetters() int64 { return m.records(lettersName) }

// Sources returns how many sources the backup holds.
func (m Manifest) Sources() int64 { return m.records(sourcesName) }

// Keys returns how many entries of the key store the backup holds.
func (m Manifest) Keys() int64 { return m.records(keysName) }

// files returns the names that a manifest must list.
func (m Manifest) files() []string {
	names := []string{lettersName, sourcesName, accessesName, rightsName, keysName}
	if m.Head > 0 {
		names = append([]string{logName, archiveManifest}, names...)
	}
	return names
}

// write makes the manifest durable under its name, as the last file of the directory.
func (m Manifest) write(dir string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	partial := filepath.Join(dir, manifestName+".partial")
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil { // the names of all else, before that of the manifest
		return err
	}
	if err := os.Rename(partial, filepath.Join(dir, manifestName)); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func readManifest(dir string) (m Manifest, err error) {
	f, err := os.Open(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, ErrIncomplete
	}
	if err != nil {
		return m, err
	}
	defer func() { _ = f.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return m, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("%w: manifest: %w", ErrDamaged, err)
	}
	if m.Format != formatName || m.Version != formatVersion {
		return m, fmt.Errorf("format %q version %d; this program reads %q version %d", m.Format, m.Version, formatName, formatVersion)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return m, fmt.Errorf("%w: manifest: data follows the JSON object", ErrDamaged)
	}
	want := m.files()
	if len(m.Files) != len(want) || m.Head < 0 {
		return m, fmt.Errorf("%w: manifest: it lists %d files, expected %d", ErrDamaged, len(m.Files), len(want))
	}
	for i, f := range m.Files {
		if f.Name != want[i] {
			return m, fmt.Errorf("%w: manifest: it lists %q in the place of %q", ErrDamaged, f.Name, want[i])
		}
	}
	return m, nil
}
