package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// rolledFrom is the release from which JANGBU_TEST_ROLLING updates: the last one whose processes are
// in one consumer group for all topics, and know no canaries.
const rolledFrom = "71231bbc"

// TestRollingUpdate replaces two processes one after the other by new ones, under 500 registrations/s
// and 200 reads/s behind a load balancer: no read fails, no answer is older than it may be, nothing
// is lost or counts twice, and each process ends within 10 s (I1, I5, I9). Here old and new are this
// program. JANGBU_TEST_ROLLING=N updates N times from an earlier release, which it builds from the
// history of the repository, and goes back to it, under the same checks: processes that do everything,
// and a Deployment for each role, of which that of ingest is stopped first, as scripts/deploy/README.md
// says.
func TestRollingUpdate(t *testing.T) {
	t.Parallel()
	rounds, err := strconv.Atoi(os.Getenv("JANGBU_TEST_ROLLING"))
	if err != nil {
		u := newUpdate(t, 2*time.Second)
		u.begin(unraced(t), "all")
		u.replace("update", unraced(t), 200)
		u.finish(unraced(t))
		u.wantNoTrace()
		return
	}
	earlier := release(t, rolledFrom, nil)
	for round := range rounds {
		for _, roles := range [][]string{{"all"}, {"ingest", "project,api"}} {
			t.Run(fmt.Sprintf("%d %v", round+1, roles), func(t *testing.T) {
				u := newUpdate(t, 5*time.Second)
				u.begin(earlier, roles...)
				u.replace("update", unraced(t), 3_000)
				if len(roles) == 1 {
					u.received(33_000) // canaries are sent, once a minute
				}
				u.replace("way back", earlier, 3_000)
				u.finish(earlier)
				if len(roles) > 1 {
					u.wantNoTrace()
				}
			})
		}
	}
}

// update is a rolling update.
type update struct {
	*moved
	drain    time.Duration
	balancer balancer
	running  []process
	began    time.Time
	ends     []func()

	mu      sync.Mutex
	reads   int              // that were answered; guarded by mu
	again   int              // requests that a client had to send twice; guarded by mu
	failed  []string         // guarded by mu
	longest time.Duration    // a read took; guarded by mu
	back    int              // answers older than what another process had given; guarded by mu
	told    map[string]*told // by process and campaign; guarded by mu
	known   map[string]*told // by campaign; guarded by mu
	rows    standing         // guarded by mu
	head    standing         // belongs to the goroutine that looks, until it ends
}

// process is a process with a role.
type process struct {
	*program
	role string
}

// told is what readers were told of a campaign. Its answers are those that came while a question may have been on its way.
type told struct {
	before  int64 // the newest position until then
	answers []answer
}

// answer is what came, and when.
type answer struct {
	came     time.Time
	position int64
}

// until returns the newest position that readers had been told by a moment.
func (k *told) until(moment time.Time) int64 {
	newest := k.before
	for _, a := range k.answers {
		if a.came.Before(moment) {
			newest = max(newest, a.position)
		}
	}
	return newest
}

func (k *told) note(position int64) {
	now := time.Now()
	k.answers = slices.DeleteFunc(k.answers, func(a answer) bool {
		past := now.Sub(a.came) > readPatience
		if past {
			k.before = max(k.before, a.position)
		}
		return past
	})
	k.answers = append(k.answers, answer{now, position})
}

// standing is for how long a number did not grow.
type standing struct {
	last    int64
	grew    time.Time
	longest time.Duration
}

func (s *standing) note(n int64) {
	now := time.Now()
	if n > s.last || s.grew.IsZero() {
		s.last, s.grew = n, now
	}
	s.longest = max(s.longest, now.Sub(s.grew))
}

// readPatience is how long a reader waits for an answer.
const readPatience = 10 * time.Second

func newUpdate(t *testing.T, drain time.Duration) *update {
	return &update{
		moved: onKafka(t, "JANGBU_DRAIN="+drain.String()), drain: drain,
		told: make(map[string]*told), known: make(map[string]*told),
	}
}

// start starts a process and has the balancer know of it, if it has the API.
func (u *update) start(program, role string) {
	u.Helper()
	p := startBuilt(u.T, program, u.TempDir(), append(u.environment, "JANGBU_ROLE="+role))
	u.running = append(u.running, process{p, role})
	if p.api != "" {
		u.ends = append(u.ends, u.balancer.add(u.T, p))
	}
}

// begin starts two processes of a release for each role, and what reads and registers.
func (u *update) begin(program string, roles ...string) {
	u.Helper()
	for _, role := range roles {
		u.start(program, role)
		u.start(program, role)
	}
	u.produce(u.first...)
	u.settled(program, u.running[0].program, time.Minute)
	waitFor(u.T, time.Minute, func() string { return u.balancer.lacks(2) })
	ctx, cancel := context.WithCancel(u.Context())
	var working sync.WaitGroup
	const readers, each = 20, 10 // a second
	for i := range readers {
		working.Go(func() { u.read(ctx, i, time.Second/each) })
	}
	working.Go(func() { u.watch(ctx) })
	u.began = time.Now()
	stop := u.arriving()
	u.ends = append([]func(){stop, func() { cancel(); working.Wait() }}, u.ends...)
}

// replace has a process of a release in the place of each one that runs. All that do nothing but ingest
// are stopped first; the others are replaced one by one. Before each of these, and after, so many
// events are received.
func (u *update) replace(what, program string, records int64) {
	u.Helper()
	u.received(records)
	former := slices.Clone(u.running)
	ingests := 0
	for _, p := range former {
		if p.role == "ingest" {
			u.end(what, p)
			ingests++
		}
	}
	for range ingests {
		u.start(program, "ingest")
	}
	for _, p := range former[ingests:] {
		u.start(program, p.role)
		waitFor(u.T, time.Minute, func() string { return u.balancer.lacks(3) })
		u.end(what, p)
		u.received(records)
	}
}

// end stops a process, the first one that runs.
func (u *update) end(what string, p process) {
	u.Helper()
	began := time.Now()
	p.stop(u.T)
	took := time.Since(began)
	u.Logf("%s: a process (%s) ended %v after SIGTERM; it drains for %v", what, p.role, took.Round(time.Millisecond), u.drain)
	if took > 10*time.Second {
		u.Errorf("a process ended %v after SIGTERM", took)
	}
	u.running = u.running[1:]
}

// received waits until the log has so many events more.
func (u *update) received(n int64) {
	u.Helper()
	head := headOf(u.T, u.database())
	before := head()
	waitFor(u.T, 5*time.Minute, func() string {
		if got := head() - before; got < n {
			return fmt.Sprintf("%d of %d more events", got, n)
		}
		return ""
	})
}

// wantNoTrace checks that no canary was buried, and no source read again.
func (u *update) wantNoTrace() {
	u.Helper()
	if n := u.count(canaries, u.first[len(u.first)-1].Topic); n > 0 {
		u.Errorf("%d canaries are dead letters", n)
	}
	if n := u.count(gaps); n > 0 {
		u.Errorf("there are %d gaps", n)
	}
}

// gaps counts what sources lack.
const gaps = `SELECT coalesce(sum(gaps), 0)::bigint FROM jangbu_log.sources`

// finish ends what reads and registers, and checks everything.
func (u *update) finish(program string) {
	u.Helper()
	for _, end := range u.ends {
		end()
	}
	took := time.Since(u.began)
	u.Logf("%.0f registrations/s, %.0f reads/s: %d reads, the longest %v, %d sent twice, %d of another process of the last second; no new event for %v, nothing new to read for %v",
		float64(u.generator.Expected().Records)/took.Seconds(), float64(u.reads)/took.Seconds(), u.reads, u.longest.Round(time.Millisecond), u.again, u.back, u.head.longest.Round(time.Millisecond), u.rows.longest.Round(time.Millisecond))
	for _, failed := range u.failed {
		u.Errorf("read failed: %s", failed)
	}
	const bound = 10 * time.Second
	if longest := max(u.longest, u.head.longest, u.rows.longest); longest > bound {
		u.Errorf("something stood for %v", longest)
	}
	u.equalsOracle(program, u.running[len(u.running)-1].program)
	u.Logf("%d canaries are dead letters, %d gaps; %d duplicates of %d produced", u.count(canaries, u.first[len(u.first)-1].Topic), u.count(gaps),
		u.running[0].metric(u.T, "jangbu_log_duplicates_total"), u.generator.Expected().Duplicates)
	for _, p := range u.running {
		p.stop(u.T)
	}
}

// read reads one dashboard after the other, over one connection for as long as that lasts.
func (u *update) read(ctx context.Context, first int, every time.Duration) {
	transport := &http.Transport{DialContext: u.balancer.dial, MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: readPatience}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := first; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		campaign := u.campaigns[i%len(u.campaigns)]
		var process string
		connections := 0
		traced := httptrace.WithClientTrace(context.WithoutCancel(ctx), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
			process = c.Conn.RemoteAddr().String()
			connections++
		}})
		began := time.Now()
		position, err := askPosition(traced, client, campaign)
		u.note(campaign, process, began, position, connections, err)
	}
}

// askPosition returns the position of a campaign's dashboard.
func askPosition(ctx context.Context, client *http.Client, campaign string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/api/events/"+url.PathEscape(campaign)+"/analytics", nil)
	if err != nil {
		return 0, err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	var served servedDashboard
	err = json.Unmarshal(body, &served)
	return served.Position, err
}

// note checks an answer: what one process says of a campaign never goes back, and none says what is
// older than what another one had said a second before it was asked (I9).
func (u *update) note(campaign, process string, began time.Time, position int64, connections int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	u.longest = max(u.longest, now.Sub(began))
	if connections > 1 {
		u.again++
	}
	if err != nil {
		u.failed = append(u.failed, fmt.Sprintf("%s of %s: %v", campaign, process, err))
		return
	}
	u.reads++
	u.rows.note(position)
	answers := func(of map[string]*told, name string) *told {
		if of[name] == nil {
			of[name] = new(told)
		}
		return of[name]
	}
	here, all := answers(u.told, process+" "+campaign), answers(u.known, campaign)
	const bound = time.Second
	if known := max(here.until(began), all.until(began.Add(-bound))); position < known {
		u.failed = append(u.failed, fmt.Sprintf("%s of %s: position %d, but %d was known", campaign, process, position, known))
	} else if position < all.until(began) {
		u.back++
	}
	here.note(position)
	all.note(position)
}

// watch looks for how long the log does not grow.
func (u *update) watch(ctx context.Context) {
	conn, err := pgx.Connect(context.WithoutCancel(ctx), u.database())
	if err != nil {
		u.Errorf("look at the log: %v", err)
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var head int64
		if err := conn.QueryRow(context.WithoutCancel(ctx), `SELECT position FROM jangbu_log.log_head`).Scan(&head); err != nil {
			u.Errorf("look at the log: %v", err)
			return
		}
		u.head.note(head)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
