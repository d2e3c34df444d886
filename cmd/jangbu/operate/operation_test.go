package operate

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/sqlitelog"
	"jangbu/readmodel"
)

// endedRows calls ended when an operation is read that has ended.
type endedRows struct {
	readmodel.Store
	ended func()
}

func (r endedRows) Operation(ctx context.Context, id int64) (readmodel.Operation, error) {
	a, err := r.Store.Operation(ctx, id)
	if a.Ended() {
		r.ended()
	}
	return a, err
}

// TestInterruptedAfterTheEnd interrupts a command once its operation has ended, as it clears
// up: it says what was done.
func TestInterruptedAfterTheEnd(t *testing.T) {
	t.Parallel()
	at := stores.Config{DataDir: t.TempDir()}
	log, err := sqlitelog.Open(t.Context(), filepath.Join(at.DataDir, "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	created, err := events.Decode(events.TypeEventCreated, events.Record{
		Timestamp: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Value:     []byte(`{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`),
	}, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), []events.Draft{created.Draft}); err != nil {
		t.Fatal(err)
	}
	flags := operationFlags{LogConfig: cli.LogConfig{LogLevel: "error", LogFormat: "text"}}
	rebuild := projectionsRebuildCommand{Config: at, projectionFlags: projectionFlags{All: true}, operationFlags: flags}
	if err := rebuild.Run(t.Context(), cli.Terminal{Out: io.Discard, Err: t.Output()}); err != nil {
		t.Fatal(err)
	}
	err = at.WithServed(t.Context(), func(log events.Log, rows readmodel.Store) error {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		var out, complaint bytes.Buffer
		op := readmodel.Operation{Kind: readmodel.Rebuild, Projections: []string{readmodel.CampaignStatsTable().Name}}
		err := flags.operate(ctx, cli.Terminal{Out: &out, Err: &complaint}, log, endedRows{rows, interrupt}, op)
		if err != nil || !strings.Contains(out.String(), "rebuild of event_stats done in ") {
			t.Errorf("operate: %v, printed %q, complained %q", err, &out, &complaint)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
