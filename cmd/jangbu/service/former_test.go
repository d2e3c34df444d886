package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestStartedWithTheFormerKey: until a rotation is finished, a service that is started with the
// former master key takes in registrations, and warns once. One that has slept through the end
// keeps none and loses none: they come once it is started with the new key (I5). It does not
// start with the former one again.
func TestStartedWithTheFormerKey(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		startedWithTheFormerKey(t, testConfig(t.TempDir()))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL = services.Database(t)
		startedWithTheFormerKey(t, cfg)
	})
}

func startedWithTheFormerKey(t *testing.T, cfg Config) {
	const count = 20
	registrations := func(campaign string) []events.Record {
		records := make([]events.Record, count)
		for i := range records {
			records[i] = record("participant-registered", campaign,
				fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d"}`, i, campaign, i))
		}
		return records
	}
	dir := t.TempDir()
	create := func(name string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if _, err := privacy.CreateMasterKey(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// beside calls f with a keeper, as a command beside the service has one.
	beside := func(path string, f func(*privacy.Keeper) error) {
		t.Helper()
		master, err := privacy.LoadMasterKey(path)
		if err != nil {
			t.Fatal(err)
		}
		keys, closeKeys, err := cfg.OpenKeys(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		keeper, err := privacy.Open(t.Context(), keys, master)
		if err == nil {
			err = f(keeper)
		}
		if err := errors.Join(err, closeKeys()); err != nil {
			t.Fatal(err)
		}
	}
	former, next := create("former.key"), create("next.key")
	const warning = "started with the former master key"
	cfg.MasterKeyFile = former
	t.Run("before", func(t *testing.T) {
		b := setup(t, cfg)
		b.produce(t, registrations("evt-1")...)
		b.settled(t, events.Totals{Head: count}, 30*time.Second)
		if strings.Contains(b.log.String(), warning) {
			t.Error("it warns of the key of now")
		}
	})
	beside(former, func(k *privacy.Keeper) error {
		master, err := privacy.LoadMasterKey(next)
		if err == nil {
			_, err = k.Rotate(t.Context(), master)
		}
		return err
	})
	t.Run("with the former key", func(t *testing.T) {
		b := setup(t, cfg)
		if n := strings.Count(b.log.String(), warning); n != 1 {
			t.Errorf("it warns %d times", n)
		}
		b.produce(t, append(registrations("evt-1"), registrations("evt-2")...)...)
		b.settled(t, events.Totals{Head: 2 * count, Duplicates: count}, 30*time.Second)
	})
	cfg.MasterKeyFile = next
	third := create("third.key")
	t.Run("asleep", func(t *testing.T) {
		b := setup(t, cfg)
		beside(next, func(k *privacy.Keeper) error { return k.Finish(t.Context()) })
		beside(next, func(k *privacy.Keeper) error {
			master, err := privacy.LoadMasterKey(third)
			if err == nil {
				_, err = k.Rotate(t.Context(), master)
			}
			return err
		})
		beside(third, func(k *privacy.Keeper) error { return k.Finish(t.Context()) })
		b.produce(t, append(registrations("evt-2"), registrations("evt-3")...)...)
		waitFor(t, 30*time.Second, func() string {
			if !strings.Contains(b.log.String(), "has been rotated since this one") {
				return "it does not say why it takes nothing in"
			}
			return ""
		})
		if totals, err := b.Totals(t.Context()); err != nil || totals.Head != 2*count || totals.DeadLettered != 0 {
			t.Errorf("asleep, the account is %+v, %v", totals, err)
		}
	})
	s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		_ = s.Wait(context.Background())
	}
	if !errors.Is(err, privacy.ErrMasterKey) || strings.Contains(err.Error(), "\n") {
		t.Errorf("start with the key of before = %v, want one sentence that is %v", err, privacy.ErrMasterKey)
	}
	cfg.MasterKeyFile = third
	t.Run("awake", func(t *testing.T) {
		b := setup(t, cfg)
		if totals := b.settled(t, events.Totals{Head: 3 * count, Duplicates: 2 * count}, 30*time.Second); totals.DeadLettered != 0 || totals.Head != 3*count {
			t.Errorf("the account is %+v", totals)
		}
	})
}
