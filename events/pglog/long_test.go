package pglog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/events/segments"
)

// BenchmarkToALongLog appends as many million events as JANGBU_TEST_MILLIONS says, and by turns
// copies as many rows into one table with the index of all identities that the log had before it
// was kept in segments. It prints for each million both rates and what the database spent on it, which
// for the log is flat. Without the variable it is a short trial with small segments.
func BenchmarkToALongLog(b *testing.B) {
	const batch = 10_000
	size, turns := segments.Size, 3
	if millions, err := strconv.Atoi(os.Getenv("JANGBU_TEST_MILLIONS")); err == nil {
		turns = millions
	} else {
		size = 5 * batch
	}
	url, formerURL := services.Database(b), formerLayout(b)
	log, former := openWith(b, url, pglog.Options{}.InSegments(events.Position(size))), connect(b, formerURL)
	ofLog, ofFormer := costsOf(b, url), costsOf(b, formerURL)
	drafts := make([]events.Draft, batch)
	fill := func(from int) {
		for i := range drafts {
			drafts[i] = draft(events.Campaign(fmt.Sprintf("campaign-%d", (from+i)%1000)), from+i)
		}
	}
	for range b.N {
		if b.N > 1 {
			b.Fatal("a log has one beginning: -benchtime 1x")
		}
		for turn, made := 0, 0; turn < turns; turn, made = turn+1, made+size {
			appended := ofLog.measure(size, func() (wall time.Duration) {
				for from := made; from < made+size; from += batch {
					fill(from)
					start := time.Now()
					mustAppend(b, log, drafts)
					wall += time.Since(start)
				}
				return wall
			})
			copied := ofFormer.measure(size, func() (wall time.Duration) {
				for from := made; from < made+size; from += batch {
					fill(from)
					wall += copyFormer(b, former, from+1, drafts)
				}
				return wall
			})
			b.Logf("%8d events: appended %s; bare COPY into one index %s", made+size, appended, copied)
			if turn == 0 || turn == turns-1 {
				b.ReportMetric(appended.cpu(), fmt.Sprintf("µs/event-%d", turn+1))
			}
		}
	}
}

// copyFormer copies drafts as events from a position on, and returns how long it took.
func copyFormer(b *testing.B, former *pgx.Conn, first int, drafts []events.Draft) time.Duration {
	b.Helper()
	columns := []string{"position", "occurred_at", "recorded_at", "type", "id", "digest", "campaign", "payload", "form"}
	rows := make([][]any, len(drafts))
	for i, d := range drafts {
		rows[i] = []any{
			int64(first + i), d.OccurredAt, d.OccurredAt, int16(d.Event.Type()), [16]byte(d.ID), d.Digest[:],
			string(d.Event.Subject()), events.AppendStored(nil, d.Event), int16(events.CurrentForm),
		}
	}
	start := time.Now()
	if _, err := former.CopyFrom(b.Context(), pgx.Identifier{"former"}, columns, pgx.CopyFromRows(rows)); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// formerLayout returns a database with an empty table of the layout of before.
func formerLayout(b *testing.B) string {
	b.Helper()
	url := services.Database(b)
	open(b, url)
	if _, err := connect(b, url).Exec(b.Context(), `
CREATE TABLE former (LIKE jangbu_log.events INCLUDING ALL, CONSTRAINT former_identity UNIQUE (campaign, id))`); err != nil {
		b.Fatal(err)
	}
	return url
}

// turnCost is what some events took.
type turnCost struct {
	events           int
	wall             time.Duration
	sessions, server float64 // seconds of processors: of the database's sessions, and of all of the server
}

func (c turnCost) cpu() float64 { return c.sessions * 1e6 / float64(c.events) }

func (c turnCost) String() string {
	return fmt.Sprintf("%7.0f/s, %5.2f µs of its sessions an event (%5.2f of the server)",
		float64(c.events)/c.wall.Seconds(), c.cpu(), c.server*1e6/float64(c.events))
}

// costs measures what a database spends.
type costs struct {
	database, postmaster string
}

func costsOf(b *testing.B, url string) costs {
	b.Helper()
	var c costs
	var backend int
	if err := connect(b, url).QueryRow(b.Context(), `SELECT pg_backend_pid(), current_database()`).Scan(&backend, &c.database); err != nil {
		b.Fatal(err)
	}
	stat := processStat(strconv.Itoa(backend))
	if len(stat) < 2 {
		b.Log("the server's processes are not seen here: what they spend is not known")
		return c
	}
	c.postmaster = stat[1]
	return c
}

// measure calls do, which says how long it took for n events.
func (c costs) measure(n int, do func() time.Duration) turnCost {
	sessions, server := c.read()
	wall := do()
	sessionsAfter, serverAfter := c.read()
	return turnCost{events: n, wall: wall, sessions: sessionsAfter - sessions, server: serverAfter - server}
}

// read returns the seconds that processors have spent.
func (c costs) read() (sessions, server float64) {
	const ticks = 100
	if c.postmaster == "" {
		return 0, 0
	}
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		dir := filepath.Dir(path)
		stat, first := processStat(filepath.Base(dir)), filepath.Base(dir) == c.postmaster
		if len(stat) < 15 || stat[1] != c.postmaster && !first {
			continue
		}
		fields := stat[11:13] // user, system
		if first {
			fields = stat[11:15] // and those of children that have ended
		}
		spent := 0.0
		for _, f := range fields {
			n, _ := strconv.ParseFloat(f, 64)
			spent += n / ticks
		}
		server += spent
		if title, _ := os.ReadFile(filepath.Join(dir, "cmdline")); strings.Contains(string(title), c.database) {
			sessions += spent
		}
	}
	return sessions, server
}

// processStat returns the fields of a process' stat behind its name.
func processStat(pid string) []string {
	raw, _ := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	_, fields, _ := strings.Cut(string(raw), ") ")
	return strings.Fields(fields)
}
