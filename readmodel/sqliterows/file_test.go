package sqliterows_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

func TestFilesAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "행 ?mode=ro&a#b%20.db")
	store, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if _, err := store.Register(t.Context(), []readmodel.Checkpoint{{Projection: "a", Version: 1}}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]fs.FileMode)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		names[filepath.Join(dir, entry.Name())] = info.Mode()
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if names[name] != 0o600 {
			t.Errorf("%s has mode %v, want 0600; there are %v", name, names[name], names)
		}
	}
	if len(names) != 3 {
		t.Errorf("%v, want 3 files", names)
	}
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			store, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
			if err != nil {
				t.Error(err)
				return
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestOpenSaysWhichFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "no such directory", "rows.db")
	if _, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want it to say that %s does not exist", err, path)
	}
}

func TestOpenRefusesTheSchemaOfANewerProgram(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	store, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), `PRAGMA user_version = 1000`); err != nil {
		t.Fatal(err)
	}
	_, err = sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
	if err == nil || !strings.Contains(err.Error(), "is of version 1000 and this program knows none above ") {
		t.Errorf("Open: %v, want an error that names both versions", err)
	}
}
