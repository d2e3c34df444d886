package service

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

// TestAuditing: rows that equal the fold are counted as such, one that was changed by
// hand is found and named, and nothing is looked at where another process does it.
func TestAuditing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, testConfig(dir))
	var records []events.Record
	for i := range 10 {
		id := fmt.Sprintf("evt-%d", 1+i%2)
		records = append(records, record("participant-registered", id,
			fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d","newCustomer":true}`, i, id, i)))
	}
	b.produce(t, records...)
	b.settled(t, events.Totals{Head: 10}, 10*time.Second)
	cfg := stores.Config{DataDir: dir}
	log, closeLog, err := cfg.OpenLog(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeLog() })
	rows, closeRows, err := cfg.OpenRows(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeRows() })

	said := &lockedBuffer{}
	a := newAuditing(log, rows, func() bool { return true }, slog.New(slog.NewTextHandler(said, nil)))
	a.every = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.run(ctx) })
	defer running.Wait()
	defer stop()
	counted := func(result string) float64 { return testutil.ToFloat64(a.campaigns.WithLabelValues(result)) }
	waitFor(t, 10*time.Second, func() string {
		if counted("equal") < 10 {
			return fmt.Sprintf("%v equal", counted("equal"))
		}
		return ""
	})
	if d, f := counted("diverging"), counted("failed"); d+f > 0 {
		t.Errorf("%v diverging, %v failed: %s", d, f, said)
	}

	db, err := sql.Open("sqlite", filepath.Join(dir, "rows.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), `UPDATE participation_hourly SET participants = 7 WHERE campaign = 'evt-2'`); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 10*time.Second, func() string {
		if counted("diverging") == 0 {
			return "the change was not found"
		}
		return ""
	})
	stop()
	running.Wait()
	for _, part := range []string{"evt-2", "participation_hourly", "served 7, folded 5"} {
		if !strings.Contains(said.String(), part) {
			t.Errorf("said nothing of %q: %s", part, said)
		}
	}
}

func TestAuditingStandsBy(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	var once sync.Once
	a := newAuditing(nil, nil, func() bool { once.Do(func() { close(asked) }); return false }, slog.New(slog.DiscardHandler))
	a.every = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.run(ctx) })
	<-asked
	stop()
	running.Wait() // or it would have panicked: there is nothing to verify
}
