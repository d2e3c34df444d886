package sqlitelog

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jangbu/events"
)

// TestAway: where the file is gone, or another process holds it for too long, the error is
// ErrAway; no file takes its place, and the log goes on once it is back.
func TestAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log.db")
	log, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	subject, err := events.SubjectKey{}.Subject("kim")
	if err != nil {
		t.Fatal(err)
	}
	withdraw := func() error {
		_, err := log.Rights().Withdraw(t.Context(), events.WithdrawnRight{Subject: subject, Who: "me@here", Why: "test"})
		return err
	}
	reads := map[string]func() error{
		"Read": func() error { _, err := log.Read(t.Context(), 0, 1); return err },
		"ReadStream": func() error {
			_, err := log.ReadStream(t.Context(), events.Stream{Campaign: "c", Limit: 1})
			return err
		},
	}

	log.reader.SetMaxIdleConns(0) // each read opens a connection
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
	if err := reads["Read"](); !errors.Is(err, events.ErrAway) {
		t.Errorf("Read in an empty directory: %v", err)
	}
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".gone", dir)); err != nil { // it is empty
		t.Fatal(err)
	}
	for name, read := range reads {
		if err := read(); err != nil {
			t.Errorf("%s with the file back: %v", name, err)
		}
	}

	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	held, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.ExecContext(t.Context(), `BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	if _, err := log.writer.ExecContext(t.Context(), `PRAGMA busy_timeout = 20`); err != nil { // of its only connection
		t.Fatal(err)
	}
	if err := withdraw(); !errors.Is(err, events.ErrAway) {
		t.Errorf("Withdraw while another process holds the file: %v", err)
	}
	draft := events.Draft{OccurredAt: time.Now(), Event: &events.EventCreated{Campaign: "c", Shop: "s"}}
	if _, err := log.Append(t.Context(), []events.Draft{draft}, events.Reading{}); !errors.Is(err, events.ErrAway) {
		t.Errorf("Append while another process holds the file: %v", err)
	}
	if err := held.Close(); err != nil { // with its transaction
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := withdraw(); err != nil {
		t.Errorf("Withdraw once the file is free: %v", err)
	}
}
