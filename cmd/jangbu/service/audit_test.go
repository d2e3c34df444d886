package service

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"jangbu/cmd/jangbu/health"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// execSQLite changes a file by hand.
func execSQLite(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	result, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s changes %d rows, %v", statement, n, err)
	}
}

// folded is a log with three registrations of evt-1, folded by no service that runs now.
func folded(t *testing.T) *auditedLog {
	t.Helper()
	a := newAuditedLog(t)
	a.append(t, "evt-1", "evt-1", "evt-1")
	r, err := runner.New(runner.Config{Log: a.log, Rows: a.rows, Projections: projections.All(), Owner: "the test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	waitFor(t, 10*time.Second, func() string {
		if lag := r.Status().Checkpoints; len(lag) == 0 || lag[0].Position < 3 {
			return "not folded"
		}
		return ""
	})
	stop()
	running.Wait()
	return a
}

// auditor audits at the test's clock.
func (a *auditedLog) auditor() *auditing {
	audit := newAuditing(a.log, a.rows, "process-1", time.Hour, func() bool { return true }, slog.New(slog.NewTextHandler(&a.said, nil)))
	audit.now = func() time.Time { return a.clock }
	return audit
}

// counts are the audited campaigns by result.
func (a *auditing) counts() string {
	var all []string
	for _, result := range []string{"equal", "diverging", "other", "failed"} {
		all = append(all, fmt.Sprintf("%s %v", result, testutil.ToFloat64(a.campaigns.WithLabelValues(result))))
	}
	return strings.Join(all, ", ")
}

// TestAuditAsksOnce: a campaign that is still wrong at the second look gets one heal, with
// both versions, however often it is found until that has ended; one that an erasure changes
// is right at the second look, and gets none.
func TestAuditAsksOnce(t *testing.T) {
	t.Parallel()
	b := folded(t)
	a := b.auditor()
	const wrong, right = `UPDATE participation_hourly SET participants = 7`, `UPDATE participation_hourly SET participants = 3`
	rows := filepath.Join(b.dir, "rows.db")
	look := func(want time.Duration, counts string) {
		t.Helper()
		if again := a.audit(t.Context(), "evt-1"); again != want || a.counts() != counts {
			t.Errorf("to be looked at again after %v, counted %s; want %v, %s", again, a.counts(), want, counts)
		}
	}
	look(0, "equal 1, diverging 0, other 0, failed 0")
	execSQLite(t, rows, wrong)
	look(auditConfirm, "equal 1, diverging 0, other 0, failed 0")
	execSQLite(t, rows, right)
	look(0, "equal 2, diverging 0, other 0, failed 0")
	if _, ok, err := b.rows.Next(t.Context()); ok || err != nil {
		t.Fatalf("a heal is asked for, %v", err)
	}
	execSQLite(t, rows, wrong)
	for n := range 3 {
		look(auditConfirm, fmt.Sprintf("equal 2, diverging %d, other 0, failed 0", n))
		look(0, fmt.Sprintf("equal 2, diverging %d, other 0, failed 0", n+1))
	}
	ops, err := b.rows.Operations(t.Context(), 10)
	if err != nil || len(ops) != 1 {
		t.Fatalf("asked for are %+v, %v; want one heal", ops, err)
	}
	op := ops[0]
	if op.Kind != readmodel.Heal || op.Campaign != "evt-1" || op.Who != "audit of process-1" || len(op.Projections) != 4 || op.Found == nil || op.Found.Total != 1 {
		t.Fatalf("asked for is %+v", op)
	}
	if d := op.Found.Differences[0]; d.Table != "participation_hourly" || d.Field != "Participants" || d.Served != "7" || d.Folded != "3" || d.Position != 3 || d.Key == "" {
		t.Errorf("found is %+v", d)
	}
	if !strings.Contains(b.said.String(), "level=ERROR") || !strings.Contains(b.said.String(), "served 7, folded 3") {
		t.Errorf("says %s", &b.said)
	}
}

// TestAuditPassesWhatItCannotJudge: rows of another version are no failure, and no heal is
// asked for where rows are of another log, or a campaign's events are damaged.
func TestAuditPassesWhatItCannotJudge(t *testing.T) {
	t.Parallel()
	b := folded(t)
	a := b.auditor()
	rows := filepath.Join(b.dir, "rows.db")
	execSQLite(t, rows, `UPDATE generations SET version = version + 100`)
	for range 5 {
		if again := a.audit(t.Context(), "evt-1"); again != auditSlowest {
			t.Errorf("rows of another version are looked at again after %v, want %v", again, auditSlowest)
		}
	}
	execSQLite(t, rows, `UPDATE generations SET version = version - 100`)
	execSQLite(t, rows, `UPDATE generations SET position = position + 100`)
	s := &Service{rows: b.rows, auditing: a}
	if again := a.audit(t.Context(), "evt-1"); again != auditSlowest {
		t.Errorf("rows of another log are looked at again after %v, want %v", again, auditSlowest)
	}
	if part := s.auditPart(t.Context()); part.Err == nil || !strings.Contains(part.Err.Error(), "served checkpoint 103, folded log that ends at 3") {
		t.Errorf("with rows of another log, /readyz says %+v", part)
	}
	execSQLite(t, rows, `UPDATE generations SET position = position - 100`)
	a.audit(t.Context(), "evt-9") // has gone meanwhile
	if got, want := a.counts(), "equal 0, diverging 0, other 1, failed 0"; got != want {
		t.Errorf("counted %s, want %s", got, want)
	}
	if part := s.auditPart(t.Context()); part.Err != nil {
		t.Errorf("with rows of this log, /readyz says %+v", part)
	}
	execSQLite(t, filepath.Join(b.dir, "log.db"), `UPDATE events SET payload = '{}' WHERE position = 2`)
	for n := range auditAttempts {
		want := auditSlowest
		if n == auditAttempts-1 {
			want = 0 // the others are looked at
		}
		if again := a.audit(t.Context(), "evt-1"); again != want {
			t.Errorf("attempt %d is repeated after %v, want %v", n, again, want)
		}
	}
	if got, want := a.counts(), "equal 0, diverging 0, other 1, failed 3"; got != want {
		t.Errorf("counted %s, want %s", got, want)
	}
	if _, ok, err := b.rows.Next(t.Context()); ok || err != nil {
		t.Errorf("a heal is asked for, %v", err)
	}
}

// TestFailedHealIsTriedAgain: a heal that has failed is asked for again, less and less often,
// and /readyz and /metrics say so until the campaign is mended.
func TestFailedHealIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := folded(t)
	a := b.auditor()
	a.audit(t.Context(), "evt-1") // and looks for heals
	lease, ok, err := b.rows.Acquire(t.Context(), runner.LeaseName, "the test", time.Hour)
	if err != nil || !ok {
		t.Fatalf("Acquire: %v, %v", ok, err)
	}
	found := &readmodel.Found{}
	found.Add(readmodel.Difference{Table: "event_stats", Field: "Participants", Served: "7", Folded: "3", Position: 3})
	a.heal(t.Context(), "evt-1", found)
	start, asked := b.clock, []time.Duration{}
	fail := func() {
		t.Helper()
		op, ok, err := b.rows.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			asked = append(asked, b.clock.Sub(start))
			op.State, op.Error = readmodel.Failed, "the disk is full"
			if err := b.rows.Note(t.Context(), lease, op); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := &Service{rows: b.rows, auditing: a}
	if part := s.auditPart(t.Context()); part.Err == nil || !strings.HasSuffix(part.Err.Error(), "operation 1 folds it anew") {
		t.Errorf("while it waits, /readyz says %+v", part)
	}
	for fail(); b.clock.Sub(start) < time.Hour; b.clock = b.clock.Add(5 * time.Second) {
		a.audit(t.Context(), "evt-1")
		fail()
	}
	if len(asked) < 8 || len(asked) > 14 || asked[1] > time.Minute || asked[len(asked)-1]-asked[len(asked)-2] < healSlowest {
		t.Errorf("asked for at %v", asked)
	}
	want := fmt.Sprintf(`campaign "evt-1" is served wrong: event_stats Participants: served 7, folded 3, at position 3; operation %d has failed: the disk is full; jangbu projections reset --all --campaign "evt-1"`, len(asked))
	if part := s.auditPart(t.Context()); part.Err == nil || part.Err.Error() != want {
		t.Errorf("/readyz says %v\nwant %s", part.Err, want)
	}
	operators, err := health.New(health.Config{Log: health.MeasureLog(b.log), Rows: b.rows, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	metrics := httptest.NewRecorder()
	operators.ServeHTTP(metrics, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, want := range []string{`jangbu_audit_heals_total{result="done"} 0`, fmt.Sprintf(`jangbu_audit_heals_total{result="failed"} %d`, len(asked)), "jangbu_audit_wrong_campaigns 1"} {
		if !strings.Contains(metrics.Body.String(), "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	b.clock = b.clock.Add(time.Hour)
	a.audit(t.Context(), "evt-1")
	op, ok, err := b.rows.Next(t.Context())
	if err != nil || !ok || op.Found == nil || op.Found.Differences[0] != found.Differences[0] {
		t.Fatalf("asked for is %+v, %v, %v", op, ok, err)
	}
	op.State = readmodel.Done
	if err := b.rows.Note(t.Context(), lease, op); err != nil {
		t.Fatal(err)
	}
	if part := s.auditPart(t.Context()); part.Err != nil || part.Note != "found wrong and mended: 1; see jangbu projections status" {
		t.Errorf("once it is mended, /readyz says %+v", part)
	}
}

func TestAuditingStandsBy(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	var once sync.Once
	a := newAuditing(nil, nil, "process-1", time.Hour, func() bool { once.Do(func() { close(asked) }); return false }, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.run(ctx) })
	<-asked
	stop()
	running.Wait() // or it would have panicked: there is nothing to verify
}
