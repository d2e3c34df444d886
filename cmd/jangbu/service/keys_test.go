package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestLostKeyStore: a service whose key store is gone says so and does not start, until it is
// told to go on; registrations that come again are duplicates then, and no conflicts (I4).
func TestLostKeyStore(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t.TempDir())
		lostKeyStore(t, cfg, func() {
			files, err := filepath.Glob(cfg.KeysPath() + "*")
			if err != nil || len(files) == 0 {
				t.Fatalf("key store %v, %v", files, err)
			}
			for _, file := range files {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL = services.Database(t)
		cfg.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
		if _, err := privacy.CreateMasterKey(cfg.MasterKeyFile); err != nil {
			t.Fatal(err)
		}
		lostKeyStore(t, cfg, func() {
			db, err := pgx.Connect(t.Context(), cfg.DatabaseURL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close(context.Background()) }()
			if _, err := db.Exec(t.Context(), "DROP SCHEMA jangbu_keys CASCADE"); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func lostKeyStore(t *testing.T, cfg Config, lose func()) {
	const count = 20
	registrations := func(from int) []events.Record {
		records := make([]events.Record, count)
		for i := range records {
			records[i] = record("participant-registered", "evt-1",
				fmt.Sprintf(`{"participantId":"p-%d","eventId":"evt-1","phoneNumber":"010-1234-%04d"}`, from+i, from+i))
		}
		return records
	}
	t.Run("before", func(t *testing.T) {
		b := setup(t, cfg)
		b.produce(t, registrations(0)...)
		b.settled(t, events.Totals{Head: count}, 30*time.Second)
	})
	lose()
	for range 2 {
		s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = s.Wait(t.Context())
		}
		if !errors.Is(err, privacy.ErrLostKeys) || !strings.Contains(err.Error(), "--accept-lost-keys") || strings.Contains(err.Error(), "\n") {
			t.Fatalf("start = %v, want one sentence that names --accept-lost-keys", err)
		}
	}
	cfg.AcceptLostKeys = true
	t.Run("accepted", func(t *testing.T) {
		b := setup(t, cfg)
		b.produce(t, append(registrations(0), registrations(count)...)...)
		totals := b.settled(t, events.Totals{Head: 2 * count, Duplicates: count}, 30*time.Second)
		if totals.DeadLettered != 0 {
			t.Errorf("the account is %+v: no registration may be a conflict", totals)
		}
	})
	cfg.AcceptLostKeys = false
	t.Run("afterwards", func(t *testing.T) { setup(t, cfg) })
}
