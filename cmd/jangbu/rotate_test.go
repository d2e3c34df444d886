package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/privacy"
)

// TestRotationKilled rotates the master key and erases persons and campaigns' keys again and
// again, while a service takes in registrations of campaigns that are ever new. Each command is
// killed with SIGKILL at a random moment and repeated; the service is killed too, and started
// with the former or the new key. No registration is lost or refused, and each has the pseudonym
// that its campaign's first key gives (I1, I5, I10).
//
// JANGBU_TEST_ROTATIONS is how many, on each database (3, at 100 registrations/s). At 10 or more,
// 500 come every second.
func TestRotationKilled(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, database string) {
		d := &rotationDrill{at: stores.Config{DataDir: t.TempDir(), DatabaseURL: database}, lasted: make(map[string]time.Duration)}
		d.run(t)
	})
}

// numberedRegistrations makes registrations: the n-th is of a campaign that began within the last
// 500, and a new campaign begins every 100.
type numberedRegistrations struct{ made atomic.Int64 }

func (r *numberedRegistrations) next() events.Record {
	n := r.made.Add(1) - 1
	return record("participant-registered", string(r.campaign(n)), fmt.Sprintf(
		`{"participantId":%q,"eventId":%q,"phoneNumber":%q}`, r.participant(n), r.campaign(n), r.phone(n)))
}

func (*numberedRegistrations) campaign(n int64) events.Campaign {
	return events.Campaign(fmt.Sprintf("evt-%d", max(0, n/100-n*7919%5)))
}

func (*numberedRegistrations) participant(n int64) string { return fmt.Sprintf("p-%d", n) }

func (*numberedRegistrations) phone(n int64) string {
	return fmt.Sprintf("+8210%04d%04d", 2000+n/10_000, n%10_000)
}

// with returns the registrations of the n-th one's campaign.
func (r *numberedRegistrations) with(n int64) (all []int64) {
	for m := max(0, n-500); m < n+500; m++ {
		if r.campaign(m) == r.campaign(n) {
			all = append(all, m)
		}
	}
	return all
}

// rotationDrill is a service whose master key is rotated.
type rotationDrill struct {
	at          stores.Config
	random      *rand.Rand
	made        numberedRegistrations
	service     *watchedService
	log         events.Log
	keys        events.Keys
	key, former string // files
	environment []string
	lasted      map[string]time.Duration // how long a command took that was not killed

	kills, restarts int
	erased          map[string]bool            // participants
	destroyed       map[int64]events.Pseudonym // of the registrations of campaigns without a key
}

func (d *rotationDrill) run(t *testing.T) {
	rotations := 3
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_ROTATIONS")); err == nil {
		rotations = n
	}
	rate := 100
	if rotations >= 10 {
		rate = 500
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	d.random = rand.New(rand.NewPCG(seed, 0))
	d.erased, d.destroyed = make(map[string]bool), make(map[int64]events.Pseudonym)
	d.key = filepath.Join(d.at.DataDir, "master.key")
	if d.at.DatabaseURL != "" {
		d.key = filepath.Join(d.at.DataDir, "0.key")
		d.environment = []string{"JANGBU_DATABASE_URL=" + d.at.DatabaseURL}
	}
	if _, err := privacy.CreateMasterKey(d.key); err != nil {
		t.Fatal(err)
	}
	d.service = &watchedService{dir: d.at.DataDir, traffic: &resender{next: d.made.next}, rate: rate}
	d.start(t, d.key)
	d.open(t)
	for n := range rotations {
		d.rotation(t, n)
	}
	d.settle(t)
	d.check(t)
	t.Logf("%d rotations: %d registrations of %d campaigns, %d kills of commands, %d restarts of the service, %d persons erased, %d registrations of campaigns without a key",
		rotations, d.made.made.Load(), d.made.made.Load()/100, d.kills, d.restarts, len(d.erased), len(d.destroyed))
}

// open opens the log and the keys beside the service.
func (d *rotationDrill) open(t *testing.T) {
	log, closeLog, err := d.at.OpenLog(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeLog() })
	keys, closeKeys, err := d.at.OpenKeys(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeKeys() })
	d.log, d.keys = log, keys
}

// start starts the service, with the master key in a file.
func (d *rotationDrill) start(t *testing.T, key string) {
	t.Helper()
	d.service.environment = append(slices.Clone(d.environment), "JANGBU_MASTER_KEY_FILE="+key)
	if d.at.DatabaseURL == "" && key == d.key {
		d.service.environment = nil // the one in the data directory
	}
	d.service.start(t)
}

func (d *rotationDrill) restart(t *testing.T, key string) {
	t.Helper()
	d.service.stop(t)
	d.start(t, key)
	d.restarts++
}

// either returns the former or the new key.
func (d *rotationDrill) either() string { return []string{d.key, d.former}[d.random.IntN(2)] }

// rotation rotates once, and finishes.
func (d *rotationDrill) rotation(t *testing.T, n int) {
	t.Helper()
	begin := d.made.made.Load()
	d.erase(t, d.key)
	args, next := []string{"privacy", "rotate", "--yes"}, d.key
	if d.at.DatabaseURL != "" {
		next = filepath.Join(d.at.DataDir, fmt.Sprintf("%d.key", n+1))
		args = append(args, "--master-key-file", d.key, "--to", next)
	}
	d.killed(t, "rotate", args...)
	if d.random.IntN(3) == 0 {
		d.restart(t, d.key)
	}
	complaint, code := d.command(t, args...)
	if done := code == cli.ExitFailed && strings.Contains(complaint, "jangbu privacy rotate --finish"); code != cli.ExitDone && !done {
		t.Fatalf("rotate exits with %d: %s", code, complaint)
	}
	d.former, d.key = d.key, next
	if d.at.DatabaseURL == "" {
		d.former = d.key + ".former"
	}
	if d.random.IntN(3) > 0 {
		d.restart(t, d.either())
	}
	d.erase(t, d.either())
	d.restart(t, d.key)
	finish := []string{"privacy", "rotate", "--finish", "--yes", "--master-key-file", d.key}
	d.killed(t, "finish", finish...)
	if complaint, code := d.command(t, finish...); code != cli.ExitDone && code != cli.ExitNothing {
		t.Fatalf("finish exits with %d: %s", code, complaint)
	}
	d.keeper(t)
	if former, err := privacy.LoadMasterKey(d.former); err != nil {
		t.Fatal(err)
	} else if _, err := privacy.Open(t.Context(), d.keys, former); !errors.Is(err, privacy.ErrMasterKey) {
		t.Errorf("after rotation %d the former key opens the key store: %v", n, err)
	}
	// The service goes on taking in.
	waitFor(t, time.Minute, func() string {
		if got := d.service.metric(t, "jangbu_log_received_total"); got < begin {
			return fmt.Sprintf("%d records received of %d", got, begin)
		}
		return ""
	})
}

// erase has a person forgotten, or a campaign's key destroyed, of one that is in the log. The
// command is killed, and repeated.
func (d *rotationDrill) erase(t *testing.T, key string) {
	t.Helper()
	n := d.random.Int64N(d.made.made.Load() + 1)
	waitFor(t, time.Minute, func() string {
		read, err := d.log.ReadStream(t.Context(), events.Stream{Campaign: d.made.campaign(n), Limit: 1_000})
		if err != nil {
			return err.Error()
		}
		for _, r := range read {
			e, ok := r.Event.(*events.ParticipantRegistered)
			if ok && e.Participant == d.made.participant(n) || d.erased[d.made.participant(n)] {
				return ""
			}
		}
		return fmt.Sprintf("registration %d is not in the log", n)
	})
	args := []string{"privacy", "erase", "--campaign", string(d.made.campaign(n)), "--why", "asked for", "--yes", "--master-key-file", key}
	whole := d.random.IntN(3) == 0
	if whole {
		for m, p := range d.pseudonyms(t, d.made.with(n)) {
			if _, known := d.destroyed[m]; !known {
				d.destroyed[m] = p
			}
		}
	} else {
		args = append(args, "--participant", d.made.participant(n))
		d.erased[d.made.participant(n)] = true
	}
	verb := fmt.Sprintf("erase %v", whole)
	d.killed(t, verb, args...)
	if complaint, code := d.command(t, args...); code != cli.ExitDone && code != cli.ExitNothing {
		t.Fatalf("%v exits with %d: %s", args, code, complaint)
	}
}

// killed starts a command and kills it at a random moment, or finds that it was quicker.
func (d *rotationDrill) killed(t *testing.T, verb string, args ...string) {
	t.Helper()
	began := time.Now()
	c := d.service.otherCommand(t, d.environment, args...)
	lasts, known := d.lasted[verb]
	if !known {
		lasts = 200 * time.Millisecond
	}
	ended := make(chan int, 1)
	go func() { ended <- exitCodeOf(c.cmd.Wait()) }()
	select {
	case code := <-ended:
		d.lasted[verb] = time.Since(began)
		if code == cli.ExitUsage {
			t.Fatalf("%v: %s", args, &c.stderr)
		}
	case <-time.After(time.Duration(d.random.Int64N(int64(lasts) * 5 / 4))): // the random moment
		_ = c.cmd.Process.Kill()
		<-ended
		d.kills++
		d.lasted[verb] = lasts * 21 / 20
	}
}

// command runs a command to its end.
func (d *rotationDrill) command(t *testing.T, args ...string) (complaint string, code int) {
	t.Helper()
	c := d.service.otherCommand(t, d.environment, args...)
	code = exitCodeOf(c.cmd.Wait())
	return string(bytes.TrimSpace(c.stderr.Bytes())), code
}

// keeper opens the keys with the master key of now.
func (d *rotationDrill) keeper(t *testing.T) *privacy.Keeper {
	t.Helper()
	master, err := privacy.LoadMasterKey(d.key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := privacy.Open(t.Context(), d.keys, master)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pseudonyms returns those of registrations under the keys that their campaigns have now.
func (d *rotationDrill) pseudonyms(t *testing.T, registrations []int64) map[int64]events.Pseudonym {
	t.Helper()
	all, k := make(map[int64]events.Pseudonym, len(registrations)), d.keeper(t)
	for some := range slices.Chunk(registrations, 1_000) {
		requests := make([]privacy.Request, len(some))
		for i, n := range some {
			requests[i] = privacy.Request{Campaign: d.made.campaign(n), Phone: d.made.phone(n)}
		}
		made, damaged, err := k.Pseudonyms(t.Context(), requests)
		if err != nil || len(damaged) > 0 {
			t.Fatalf("%v, damaged %v", err, damaged)
		}
		for i, n := range some {
			all[n] = made[i]
		}
	}
	return all
}

// settle sends what is pending, and waits until the service has taken in everything.
func (d *rotationDrill) settle(t *testing.T) {
	t.Helper()
	d.service.cancel()
	d.service.working.Wait()
	d.service.traffic.send(t.Context(), d.service.broker)
	if n := len(d.service.traffic.pending); n > 0 {
		t.Fatalf("%d records could not be sent", n)
	}
	d.service.settled(t, events.Totals{Head: events.Position(d.made.made.Load())}, time.Minute)
}

// check compares the log with what was sent.
func (d *rotationDrill) check(t *testing.T) {
	t.Helper()
	made := d.made.made.Load()
	totals, err := d.log.Totals(t.Context())
	if err != nil || totals.Received != int64(totals.Head)+totals.Duplicates+totals.DeadLettered || totals.DeadLettered != 0 || int64(totals.Head) != made {
		t.Errorf("the account is %+v, %v, of %d registrations", totals, err, made)
	}
	var all []int64
	for n := range made {
		all = append(all, n)
	}
	want := d.pseudonyms(t, all)
	wrong, gone := 0, 0
	for after := events.Position(0); ; {
		read, err := d.log.Read(t.Context(), after, 1_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(read) == 0 {
			break
		}
		for i := range read {
			e := read[i].Event.(*events.ParticipantRegistered)
			if e.Erased() {
				gone++
				continue
			}
			n, err := strconv.ParseInt(strings.TrimPrefix(e.Participant, "p-"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			// One that came after its campaign's key had been destroyed has none.
			first, destroyed := d.destroyed[n]
			right := e.Pseudonym == want[n] || destroyed && e.Pseudonym == first
			if _, once := want[n]; !right || !once || d.erased[e.Participant] || want[n] == (events.Pseudonym{}) && !destroyed {
				if wrong++; wrong < 10 {
					t.Errorf("position %d, %s of %s: pseudonym %v, want %v; %v", read[i].Position, e.Participant, e.Campaign, e.Pseudonym, want[n], first)
				}
			}
			delete(want, n)
		}
		after = read[len(read)-1].Position
	}
	if wrong > 0 || gone != len(d.erased) || len(want) != gone {
		t.Errorf("%d registrations are wrong, %d erased of %d, %d not in the log", wrong, gone, len(d.erased), len(want)-gone)
	}
}
