package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/synthetic"
)

// TestLive keeps the heat map of scripts/live current while a service takes registrations in. The
// example is killed ten times and the service once, two examples write at a time, events are withdrawn
// and count again: the heat map equals the page's and a count of the export.
func TestLive(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(20, 5))
	l := newLive(t)
	p := startKillable(t, l.data, nil)
	g := liveTraffic(t)
	p.produce(t, g.Campaigns()...)
	take := func() []events.Record {
		records := make([]events.Record, 40)
		for i := range records {
			records[i] = g.Next()
		}
		return records
	}
	const kills = 10
	for kill := range kills {
		p.produce(t, take()...)
		before := l.position()
		example := l.start()
		l.reaches(before + 20) // half of them
		p.produce(t, take()...)
		time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond) // the random moment, not a wait for something
		example.kill()
		switch {
		case kill == kills/2:
			p.kill(t)
			p = startKillable(t, l.data, nil)
		case kill%3 == 1:
			l.withdraw(random)
		}
	}
	first, second := l.start(), l.start()
	for i := 0; !first.ended() && !second.ended(); i++ {
		if i == 100 {
			t.Fatal("two examples write at a time")
		}
		p.produce(t, take()[0])
		l.reaches(l.position() + 1)
	}
	if first.ended() {
		first = second
	}
	p.produce(t, take()...)
	l.withdraw(random)
	head := p.settled(t, events.Totals{}, time.Minute).Head
	l.reaches(int64(head))
	first.kill()

	got := l.heat()
	if diff := cmp.Diff(l.exported(), got); diff != "" {
		t.Errorf("(-export +example):\n%s", diff)
	}
	served := make(map[cell]int64)
	for _, c := range g.Expected().Campaigns {
		var d struct{ Heat *[7][24]int64 }
		address := p.api + "/api/events/" + url.PathEscape(string(c.Campaign)) + "/analytics?tz=Asia/Seoul"
		if err := json.Unmarshal(p.get(t, address), &d); err != nil {
			t.Fatal(err)
		}
		for weekday := range 7 {
			for hour := range 24 {
				if d.Heat != nil && d.Heat[weekday][hour] > 0 {
					served[cell{string(c.Campaign), weekday, hour}] = d.Heat[weekday][hour]
				}
			}
		}
	}
	if diff := cmp.Diff(served, got); diff != "" {
		t.Errorf("(-page +example):\n%s", diff)
	}
	t.Logf("%d events, %d cells", head, len(got))
	p.kill(t)
}

// TestLiveTornLine has the example read a line without its end, which does not count, and go on.
func TestLiveTornLine(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	log := openedLog(t, l.data)
	appendRegistrations(t, log, 50)
	// The first bytes of what tail prints: some of its lines, and a part of one.
	l.program("#!/bin/sh\nshift 3 # events tail --follow\n" + l.real + ` events tail "$@" | head -c 10000` + "\n")
	torn := l.start()
	waitFor(t, time.Minute, func() string {
		if !torn.ended() {
			return "the example goes on"
		}
		return ""
	})
	at := l.position()
	if n := l.registrations(); at < 2 || at > 40 || n != at {
		t.Fatalf("of 10000 bytes %d positions and %d registrations are taken", at, n)
	}
	l.program("")
	l.start()
	l.reaches(50)
	if diff := cmp.Diff(l.exported(), l.heat()); diff != "" {
		t.Errorf("(-export +example):\n%s", diff)
	}
}

// TestLiveAnotherHistory: the example ends, and counts nothing, where the log went back behind what it
// has read, and where it has other events there since.
func TestLiveAnotherHistory(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	log := openedLog(t, l.data)
	for i := range 8 { // a link is stored for each
		if _, err := log.Append(t.Context(), []events.Draft{created(t, fmt.Sprintf("evt-%d", i))}); err != nil {
			t.Fatal(err)
		}
	}
	example := l.start()
	l.reaches(8)
	example.kill()
	ends := func(why string) {
		t.Helper()
		example := l.start()
		waitFor(t, time.Minute, func() string {
			if !example.ended() {
				return "the example goes on"
			}
			return ""
		})
		if said := example.said(); example.cmd.ProcessState.ExitCode() < 1 || !strings.Contains(said, why) || l.position() != 8 {
			t.Errorf("the example ends with %d at %d: %s", example.cmd.ProcessState.ExitCode(), l.position(), said)
		}
	}
	goBack(t, l.data, 4)
	ends("the log ends at position 4")
	appendRegistrations(t, log, 10)
	ends("the log went back, or is another one")
}

// liveTraffic is registrations of three campaigns over the last days, with repetitions.
func liveTraffic(t *testing.T) *synthetic.Generator {
	t.Helper()
	g, err := synthetic.New(synthetic.Config{
		Seed: 20, Campaigns: 3, Start: time.Now().Add(-6 * 24 * time.Hour), Interval: 5 * time.Minute, DuplicateShare: 0.05, MalformedShare: 0.01,
		Topics: stores.DefaultTopics().Topics(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// live is what scripts/live/heatmap.py works with.
type live struct {
	*testing.T
	python, script, real string
	data, work           string // the directories of the service, and of heatmap.db
	path                 string // of what it knows as jangbu
}

func newLive(t *testing.T) *live {
	t.Helper()
	l := &live{T: t, python: services.Python(t), real: unraced(t), data: t.TempDir(), work: t.TempDir()}
	var err error
	if l.script, err = filepath.Abs(filepath.Join("..", "..", "scripts", "live", "heatmap.py")); err != nil {
		t.Fatal(err)
	}
	l.path = filepath.Join(t.TempDir(), "jangbu")
	l.program("")
	return l
}

// program makes a script be what the example knows as jangbu; "" is the program itself.
func (l *live) program(script string) {
	l.Helper()
	_ = os.Remove(l.path)
	err := os.WriteFile(l.path, []byte(script), 0o700)
	if script == "" {
		_ = os.Remove(l.path)
		err = os.Symlink(l.real, l.path)
	}
	if err != nil {
		l.Fatal(err)
	}
}

// example is one process of the example.
type example struct {
	*live
	cmd    *exec.Cmd
	stderr string
	waited chan struct{}
}

func (l *live) start() *example {
	l.Helper()
	e := &example{live: l, stderr: filepath.Join(l.TempDir(), "stderr"), waited: make(chan struct{})}
	e.cmd = exec.Command(l.python, l.script, "--data-dir", l.data)
	e.cmd.Dir = l.work
	e.cmd.Env = append(os.Environ(), asProgram+"=1", "PATH="+filepath.Dir(l.path)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	// Its tail outlives it until the next event, so it has a group with it.
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	f, err := os.Create(e.stderr)
	if err == nil {
		e.cmd.Stderr = f
		err = e.cmd.Start()
		_ = f.Close()
	}
	if err != nil {
		l.Fatal(err)
	}
	go func() {
		_ = e.cmd.Wait()
		close(e.waited)
	}()
	l.Cleanup(func() {
		e.kill()
		_ = syscall.Kill(-e.cmd.Process.Pid, syscall.SIGKILL)
	})
	return e
}

func (e *example) kill() {
	_ = e.cmd.Process.Kill()
	<-e.waited
}

func (e *example) ended() bool {
	select {
	case <-e.waited:
		return true
	default:
		return false
	}
}

func (e *example) said() string {
	e.Helper()
	text, err := os.ReadFile(e.stderr)
	if err != nil {
		e.Fatal(err)
	}
	return string(text)
}

// query reads heatmap.db, which it may write: what a kill interrupts is rolled back by the next reader.
func (l *live) query(query string, row func(*sql.Rows) error) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(l.work, "heatmap.db")+"?mode=rw&_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(l.Context(), query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// position is how far the example has read, 0 before it has made its tables.
func (l *live) position() (p int64) {
	_ = l.query(`SELECT position FROM log`, func(r *sql.Rows) error { return r.Scan(&p) })
	return p
}

// reaches waits until the example has read a position.
func (l *live) reaches(p int64) {
	l.Helper()
	waitFor(l, time.Minute, func() string {
		if at := l.position(); at < p {
			return fmt.Sprintf("the example is at %d of %d", at, p)
		}
		return ""
	})
}

// registrations is how many the example has.
func (l *live) registrations() (n int64) {
	l.Helper()
	if err := l.query(`SELECT count(*) FROM registrations`, func(r *sql.Rows) error { return r.Scan(&n) }); err != nil {
		l.Fatal(err)
	}
	return n
}

// withdraw withdraws registrations, and has some count again.
func (l *live) withdraw(random *rand.Rand) {
	l.Helper()
	var all []string
	if err := l.query(`SELECT position FROM registrations WHERE counts`, func(r *sql.Rows) error {
		var p string
		err := r.Scan(&p)
		all = append(all, p)
		return err
	}); err != nil {
		l.Fatal(err)
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	withdrawSome(l.T, l.data, all[:8], random)
}

// cell is one of a heat map.
type cell struct {
	Campaign      string
	Weekday, Hour int
}

// heat is the example's heat map.
func (l *live) heat() map[cell]int64 {
	l.Helper()
	all := make(map[cell]int64)
	if err := l.query(`SELECT eventId, weekday, hour, participants FROM heatmap`, func(r *sql.Rows) error {
		var c cell
		var n int64
		err := r.Scan(&c.Campaign, &c.Weekday, &c.Hour, &n)
		all[c] = n
		return err
	}); err != nil {
		l.Fatal(err)
	}
	return all
}

// exported counts the export.
func (l *live) exported() map[cell]int64 {
	l.Helper()
	file := filepath.Join(l.TempDir(), "log.jsonl")
	if _, complaint, code := command(l.T, "events", "export", "--why", "a test", "--data-dir", l.data, file); code != cli.ExitDone {
		l.Fatalf("export: exit %d: %s", code, complaint)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		l.Fatal(err)
	}
	type line struct {
		Position       int64
		Type, Campaign string
		OccurredAt     time.Time
		Event          struct{ Positions []int64 }
	}
	var lines []line
	for text := range strings.Lines(string(text)) {
		var one line
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			l.Fatal(err)
		}
		lines = append(lines, one)
	}
	var counts func(position int64) bool
	counts = func(position int64) bool {
		return !slices.ContainsFunc(lines, func(by line) bool { return slices.Contains(by.Event.Positions, position) && counts(by.Position) })
	}
	all := make(map[cell]int64)
	for _, one := range lines {
		if at := one.OccurredAt.In(time.FixedZone("KST", 9*60*60)); one.Type == "ParticipantRegistered" && counts(one.Position) {
			all[cell{one.Campaign, (int(at.Weekday()) + 6) % 7, at.Hour()}]++
		}
	}
	return all
}
