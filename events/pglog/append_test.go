package pglog_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// TestHeldHead locks the head row in a transaction of its own while appends queue
// behind it, and ends that transaction in every possible way (I2).
func TestHeldHead(t *testing.T) {
	t.Parallel()
	for _, end := range []struct {
		name   string
		stays  int // events of the held transaction in the log
		finish func(*rawTx, context.Context) error
	}{
		{"committed", 2, (*rawTx).commit},
		{"rolled back", 0, (*rawTx).rollback},
		{"killed", 0, (*rawTx).kill},
	} {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			url := services.Database(t)
			log := open(t, url)
			mustAppend(t, log, drafts("before", 0, 3))
			held := beginRaw(ctx, t, url)
			if err := held.append(ctx, drafts("held", 0, 2)); err != nil {
				t.Fatal(err)
			}

			// More appends than a handle has connections, and two more handles.
			const appends, each = 24, 5
			failed := make(chan error, appends)
			handles := []*pglog.Log{log, open(t, url), open(t, url)}
			for i := range appends {
				go func() {
					_, err := handles[i%len(handles)].Append(ctx, drafts("queued", i*each, each))
					failed <- err
				}()
			}
			awaitBlocked(ctx, t, url, len(handles))

			// Readers see committed events and wait for no writer.
			for _, l := range handles {
				if n := len(mustRead(t, l)); n != 3 {
					t.Errorf("read %d events while the head is held, want 3", n)
				}
				soon, stop := context.WithTimeout(ctx, 20*time.Millisecond)
				if head, err := l.Wait(soon, 3); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Wait(3) = %d, %v while the head is held", head, err)
				}
				stop()
			}

			if err := end.finish(held, ctx); err != nil {
				t.Fatal(err)
			}
			for range appends {
				if err := <-failed; err != nil {
					t.Error(err)
				}
			}
			want := 3 + end.stays + appends*each
			if n := len(mustRead(t, log)); n != want {
				t.Errorf("read %d events, want %d", n, want)
			}
			totals, err := log.Totals(ctx)
			if err != nil || int(totals.Head) != want || int(totals.Received) != want {
				t.Errorf("Totals = %+v, %v, want %d received and appended", totals, err, want)
			}
		})
	}
}

// TestRawWritersAmongAppends lets transactions that end at random compete with
// appends, while a reader follows: no gap, no skip, no reuse (I2).
func TestRawWritersAmongAppends(t *testing.T) {
	t.Parallel()
	const raws, appends = 24, 24
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	url := services.Database(t)
	log, other := open(t, url), open(t, url)

	failed := make(chan error, 4)
	committed := make([]int, 2)
	for w := range 2 {
		random := rand.New(rand.NewPCG(seed, uint64(w)))
		go func() {
			failed <- func() error {
				for i := range raws {
					tx, err := newRaw(ctx, url)
					if err != nil {
						return err
					}
					n := 1 + random.IntN(5)
					if err := tx.append(ctx, drafts(events.Campaign(fmt.Sprintf("raw-%d-%d", w, i)), 0, n)); err != nil {
						return err
					}
					end := random.IntN(3)
					if err := []func(context.Context) error{tx.commit, tx.rollback, tx.kill}[end](ctx); err != nil {
						return err
					}
					if end == 0 {
						committed[w] += n
					}
				}
				return nil
			}()
		}()
	}
	for w, l := range []*pglog.Log{log, other} {
		go func() {
			failed <- func() error {
				for i := range appends {
					if _, err := l.Append(ctx, drafts("appended", (w*appends+i)*3, 3)); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	stop := make(chan struct{})
	followed := make(chan []events.Recorded, 1)
	go func() {
		var seen []events.Recorded
		for done := false; ; {
			read, err := other.Read(ctx, events.Position(len(seen)), 7)
			if err != nil {
				t.Errorf("Read: %v", err)
				break
			}
			seen = append(seen, read...)
			if done && len(read) == 0 {
				break
			}
			select {
			case <-stop:
				done = true
			default:
			}
		}
		followed <- seen
	}()
	for range 4 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	close(stop)
	seen := <-followed
	if want := committed[0] + committed[1] + 2*appends*3; len(seen) != want {
		t.Errorf("the reader saw %d events, %d were committed", len(seen), want)
	}
	if diff := cmp.Diff(mustRead(t, log), seen); diff != "" {
		t.Errorf("the log (-) is not what the reader saw (+):\n%s", diff)
	}
}

func TestRedeliveryWritesNothing(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	log, conn := open(t, url), connect(t, url)
	batch := drafts("c", 0, 2500)
	mustAppend(t, log, batch)
	// xmin and ctid tell of a row that was written again with the same content.
	const fingerprint = `SELECT md5(string_agg(e::text || e.xmin || e.ctid, '' ORDER BY position)), count(*) FROM jangbu_log.events AS e`
	look := func() (sum string, count int) {
		if err := conn.QueryRow(t.Context(), fingerprint).Scan(&sum, &count); err != nil {
			t.Fatal(err)
		}
		return sum, count
	}
	before, _ := look()
	was, err := log.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range mustAppend(t, open(t, url), batch) {
		if o != events.Duplicate {
			t.Fatalf("outcome %v, want duplicates only", o)
		}
	}
	if after, count := look(); after != before || count != len(batch) {
		t.Errorf("the redelivery changed the table: %d rows", count)
	}
	was.Received += int64(len(batch))
	was.Duplicates += int64(len(batch))
	if now, err := log.Totals(t.Context()); err != nil || now != was {
		t.Errorf("Totals = %+v, %v, want %+v", now, err, was)
	}
}

// awaitBlocked waits until that many sessions of the database wait for a lock.
func awaitBlocked(ctx context.Context, t *testing.T, url string, want int) {
	t.Helper()
	conn := connect(t, url)
	const blocked = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	for n := 0; n < want; time.Sleep(5 * time.Millisecond) {
		if err := conn.QueryRow(ctx, blocked).Scan(&n); err != nil {
			t.Fatalf("%d of %d sessions wait for a lock: %v", n, want, err)
		}
	}
}

func mustAppend(t testing.TB, log *pglog.Log, drafts []events.Draft) []events.Outcome {
	t.Helper()
	receipt, err := log.Append(t.Context(), drafts)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Outcomes
}

func mustRead(t testing.TB, log *pglog.Log) []events.Recorded {
	t.Helper()
	read, err := log.Read(t.Context(), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// drafts returns n registrations of the campaign, numbered from the first.
func drafts(c events.Campaign, from, n int) []events.Draft {
	all := make([]events.Draft, n)
	for i := range all {
		all[i] = draft(c, from+i)
	}
	return all
}

func draft(c events.Campaign, n int) events.Draft {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", c, n))
	fresh := n%2 == 0
	d := events.Draft{
		ID:         events.ID(sum[:16]),
		OccurredAt: time.Date(2026, time.November, 23, 3, 0, 0, n%1_000_000*1000, time.UTC),
		Event: &events.ParticipantRegistered{
			Campaign: c, Participant: fmt.Sprintf("participant-%08d", n), Pseudonym: events.Pseudonym(sum),
			RegisteredAt: time.Date(2026, time.November, 23, 3, 0, 0, n%1_000_000*1000, time.UTC),
			Channel:      "instagram", NewCustomer: &fresh, Gender: "female", AgeGroup: "20s", Region: "서울",
		},
	}
	d.Digest = events.DigestOf(d.Event)
	return d
}

// rawTx is a transaction that writes as an append does and ends as the test chooses.
type rawTx struct {
	url  string
	conn *pgx.Conn
	tx   pgx.Tx
}

func newRaw(ctx context.Context, url string) (*rawTx, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	tx, err := conn.Begin(ctx)
	return &rawTx{url: url, conn: conn, tx: tx}, err
}

func beginRaw(ctx context.Context, t *testing.T, url string) *rawTx {
	t.Helper()
	tx, err := newRaw(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.conn.Close(context.WithoutCancel(ctx)) })
	return tx
}

func (r *rawTx) append(ctx context.Context, drafts []events.Draft) error {
	var last int
	if err := r.tx.QueryRow(ctx, `
UPDATE jangbu_log.log_head
SET position = position + $1, received = received + $1, recorded_at = greatest(recorded_at, clock_timestamp())
RETURNING position`, len(drafts)).Scan(&last); err != nil {
		return err
	}
	var raw []byte
	if err := r.tx.QueryRow(ctx, `SELECT link FROM jangbu_log.links WHERE position = $1`, last-len(drafts)).Scan(&raw); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	var link events.Link
	copy(link[:], raw)
	for i, d := range drafts {
		link = link.Next(d.Digest)
		if _, err := r.tx.Exec(ctx, `
INSERT INTO jangbu_log.events_1000000 (position, occurred_at, recorded_at, type, id, digest, campaign, payload, form)
SELECT $1, $2, recorded_at, $3, $4, $5, $6, $7, $8 FROM jangbu_log.log_head`,
			last-len(drafts)+1+i, d.OccurredAt, d.Event.Type(), d.ID.String(), d.Digest[:], string(d.Event.Subject()),
			string(events.AppendStored(nil, d.Event)), events.CurrentForm); err != nil {
			return err
		}
	}
	_, err := r.tx.Exec(ctx, `INSERT INTO jangbu_log.links (position, link) VALUES ($1, $2)`, last, link[:])
	return err
}

func (r *rawTx) commit(ctx context.Context) error {
	return errors.Join(r.tx.Commit(ctx), r.conn.Close(ctx))
}

func (r *rawTx) rollback(ctx context.Context) error {
	return errors.Join(r.tx.Rollback(ctx), r.conn.Close(ctx))
}

// kill ends the session as a crash of the client or of its machine would.
func (r *rawTx) kill(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, r.url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `SELECT pg_terminate_backend($1)`, r.conn.PgConn().PID())
	return errors.Join(err, conn.Close(ctx))
}
