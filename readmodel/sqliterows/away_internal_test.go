package sqliterows

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// TestAway: where the file is gone, or another process holds it for too long, the error is
// ErrAway; no file takes its place, and the store goes on once it is back.
func TestAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "rows.db")
	s, err := Open(t.Context(), path, projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	all, ctx := readmodel.Everything(), t.Context()
	reads := map[string]func() error{
		"Campaign":      func() error { _, err := s.Campaign(ctx, "c", all); return err },
		"ShopOf":        func() error { _, err := s.ShopOf(ctx, "c"); return err },
		"ShopCampaigns": func() error { _, err := s.ShopCampaigns(ctx, "s", all); return err },
		"Revision":      func() error { _, err := s.Revision(ctx); return err },
		"Snapshot":      func() error { _, _, err := s.Snapshot(ctx, "c"); return err },
		"Distributed":   func() error { _, err := s.Distributed(ctx, time.Now()); return err },
	}
	acquire := func() error { _, _, err := s.Acquire(ctx, "projections", "me", time.Minute); return err }

	s.reader.SetMaxIdleConns(0) // each read opens a connection
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Fatal(err)
	}
	for name, read := range reads {
		if err := read(); !errors.Is(err, events.ErrAway) {
			t.Errorf("%s without the file: %v", name, err)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := reads["Revision"](); !errors.Is(err, events.ErrAway) {
		t.Errorf("Revision in an empty directory: %v", err)
	}
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".gone", dir)); err != nil { // it is empty
		t.Fatal(err)
	}
	for name, read := range reads {
		if err := read(); err != nil && !errors.Is(err, readmodel.ErrNotFound) {
			t.Errorf("%s with the file back: %v", name, err)
		}
	}

	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	held, err := other.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.ExecContext(ctx, `BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.ExecContext(ctx, `PRAGMA busy_timeout = 20`); err != nil { // of its only connection
		t.Fatal(err)
	}
	if err := acquire(); !errors.Is(err, events.ErrAway) {
		t.Errorf("Acquire while another process holds the file: %v", err)
	}
	if err := errors.Join(held.Close(), other.Close()); err != nil { // with its transaction
		t.Fatal(err)
	}
	if err := acquire(); err != nil {
		t.Errorf("Acquire once the file is free: %v", err)
	}
}
