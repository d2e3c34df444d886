//go:build unix

package pglog_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"jangbu/events"
	"jangbu/events/eventstest"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
)

// TestLogThroughPgBouncer runs the conformance suite where each transaction has another
// session, in small segments.
func TestLogThroughPgBouncer(t *testing.T) {
	t.Parallel()
	const segment = 200
	pooled := services.PgBouncer(t)
	empty := template(t, pooled, pglog.Options{}.InSegments(segment))
	eventstest.TestLog(t, eventstest.Adapter{
		New: func(t testing.TB) eventstest.Store {
			url := services.Database(t, empty)
			return eventstest.Store{
				Open: func(t testing.TB) events.Log {
					return openWith(t, pooled(url), pglog.Options{}.InSegments(segment))
				},
				OpenLogging: func(t testing.TB, logger *slog.Logger) events.Log {
					return openWith(t, pooled(url), pglog.Options{Logger: logger}.InSegments(segment))
				},
				Exec: func(ctx context.Context, statements ...string) error { return exec(ctx, url, statements) },
			}
		},
		LiftAccount: `ALTER TABLE log_head DROP CONSTRAINT log_head_account`,
		HourAhead:   `UPDATE log_head SET recorded_at = recorded_at + interval '1 hour'`,
		WeekBack: []string{
			`UPDATE events SET recorded_at = recorded_at - interval '7 days'`,
			`UPDATE log_head SET recorded_at = recorded_at - interval '7 days'`,
		},
		Segment: segment,
		Settle:  func(t testing.TB, log events.Log) { log.(*pglog.Log).Settle(t) },
	})
}

// TestOpenRefusesOtherEncodings opens a database that cannot hold every text.
func TestOpenRefusesOtherEncodings(t *testing.T) {
	t.Parallel()
	url := services.Database(t, `TEMPLATE template0 LOCALE 'C' ENCODING 'EUC_KR'`)
	_, err := pglog.Open(t.Context(), url, pglog.Options{})
	if err == nil || !strings.Contains(err.Error(), "encoding is EUC_KR; expected UTF8") {
		t.Errorf("Open: %v, want an error that names both encodings", err)
	}
}
