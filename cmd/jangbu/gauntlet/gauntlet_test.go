//go:build gauntlet && linux

package gauntlet

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/events/channels/simulator"
)

var (
	seed     = flag.Uint64("seed", 1, "of the traffic, and of the order of faults and operations")
	count    = flag.Int("events", 50_000, "records to produce")
	rate     = flag.Float64("rate", 350, "records a second")
	kills    = flag.Int("kills", 100, "kills at least, a tenth of them of each service")
	soak     = flag.Bool("soak", false, "kills and frozen processes alone: a broker every 15 s, a process every 10 s, PostgreSQL and Redis three times each")
	recorded = flag.String("record", "", "directory of the record")
	judged   = flag.String("judge", "", "directory of a recorded run, which is judged again")
)

// bounds are those of the run that the flags say.
func bounds() Bounds {
	if *soak {
		return Bounds{
			Stall: 10 * time.Second, All: true, Late: 45 * time.Second, Progress: 15 * time.Second, Last: []string{lastNone},
			Faults: map[string]int{FaultPostgresKill: 3, FaultRedisKill: 3, FaultProcessFreeze: 1, FaultBrokerKill: 1, FaultProcessKill: 1},
		}
	}
	tenth := max(*kills/10, 1)
	b := Bounds{
		Stall: 15 * time.Second, Late: 75 * time.Second, Progress: 15 * time.Second,
		Faults: map[string]int{
			FaultProcessKill: *kills - 3*tenth, FaultBrokerKill: tenth, FaultPostgresKill: tenth, FaultRedisKill: tenth,
		},
		Operations: map[string]int{},
		Last:       []string{lastNone, lastRedis, lastChannel, lastLeader, lastFrozen},
	}
	for _, name := range []string{
		FaultProcessTerm, FaultProcessFreeze, FaultBrokerFreeze, FaultFailover, FaultRedisFreeze, FaultCut, FaultSlow, FaultHalfOpen,
		FaultBrokerCut, FaultBrokerSlow, FaultBrokerSilent, FaultDiskFull, FaultClockForward, FaultClockBack, FaultChannel, FaultAborted,
	} {
		b.Faults[name] = 1
	}
	for name := range operations {
		b.Operations[name] = 1
	}
	return b
}

// The faults that stay, one at a time, at the end.
const (
	lastNone    = "no fault"
	lastRedis   = "Redis down"
	lastChannel = "a channel hung"
	lastLeader  = "a partition leaderless"
	lastFrozen  = "a process frozen"
)

// TestGauntlet runs the program under every fault and judges what came out.
func TestGauntlet(t *testing.T) {
	if *judged != "" {
		judgeRun(t, *judged)
		return
	}
	if *recorded == "" {
		*recorded = t.TempDir()
	}
	start := time.Now()
	r, err := NewRecorder(*recorded, start)
	if err != nil {
		t.Fatal(err)
	}
	r.Add(start, Line{Kind: kindStart, Name: "seed " + strconv.FormatUint(*seed, 10), N: int64(*count)})
	w := newWorld(t, r)
	t.Logf("%4.0f s: the servers run", time.Since(start).Seconds())
	w.start(t, "first")
	w.start(t, "second")
	if !*soak {
		w.start(t, "api", "--role", "api")
	}
	p := newProducer(t, w, *seed, start)
	p.send(t.Context(), t, p.traffic.Opening()...)
	if err := w.settled(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	t.Logf("%4.0f s: the processes run", time.Since(start).Seconds())

	ctx, stop := context.WithCancel(t.Context())
	var background sync.WaitGroup
	for _, of := range w.processes {
		background.Go(func() { w.read(ctx, of, p.traffic) })
	}
	background.Go(func() { w.watch(ctx, p) })

	under, calm := context.WithCancel(ctx)
	var troubles sync.WaitGroup
	of := []func(context.Context, *testing.T, *rand.Rand){w.processFaults, w.brokerFaults, w.databaseFaults, w.redisFaults}
	if !*soak {
		of = append(of, w.networkFaults, w.clockFaults, w.channelFaults, w.operate)
	}
	for i, one := range of {
		random := rand.New(rand.NewPCG(*seed, uint64(i)))
		troubles.Go(func() { one(under, t, random) })
	}
	troubles.Go(func() { p.abort(under, w, 5*time.Second) })
	p.run(ctx, t, *count, *rate, func() bool { return r.Lacks(bounds()) })
	calm()
	troubles.Wait()
	// A standby that lags knows of a pause, and not of the resumption that came after it.
	if _, _, err := w.command(ctx, "projections", "resume", "--all", "--why", "gauntlet"); err != nil {
		t.Error(err)
	}
	t.Logf("%4.0f s: %d records are acknowledged, %d aborted; the faults end", time.Since(start).Seconds(), p.acknowledged.Load(), p.aborted.Load())
	w.last(ctx, t, p)
	stop()
	background.Wait()
	t.Logf("%4.0f s: the last faults are over", time.Since(start).Seconds())
	w.collect(t, p)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%4.0f s: all is recorded in %s", time.Since(start).Seconds(), *recorded)
	judgeRun(t, *recorded)
}

func judgeRun(t *testing.T, dir string) {
	t.Helper()
	v, err := Judge(dir, bounds())
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + v.Page)
	for _, problem := range v.Problems {
		t.Error(problem)
	}
}

// read reads campaigns from a process until ctx ends.
func (w *world) read(ctx context.Context, p *process, of *Traffic) {
	random := rand.New(rand.NewPCG(*seed, 100))
	for pass(ctx, 40*time.Millisecond) {
		campaign, at, begun := of.Campaign(random.IntN(10)), p.label(), time.Now()
		status, answer := p.ask(ctx, false, "/api/events/"+campaign+"/analytics")
		var got struct{ Position int64 }
		switch {
		case ctx.Err() != nil:
		case status == http.StatusOK && json.Unmarshal(answer, &got) == nil:
			w.recorder.Add(begun, Line{Kind: kindRead, Target: at, Name: campaign, N: got.Position, Took: time.Since(begun).Seconds()})
		default:
			w.recorder.Add(begun, Line{Kind: kindRefused, Target: at, Name: campaign, N: int64(status)})
		}
	}
}

// watch records how far the log and the producer are.
func (w *world) watch(ctx context.Context, p *producer) {
	for pass(ctx, 200*time.Millisecond) {
		w.recorder.Add(time.Now(), Line{Kind: kindProduced, N: p.acknowledged.Load()})
		if head := w.head(ctx); head > 0 {
			w.recorder.Add(time.Now(), Line{Kind: kindHead, N: head})
		}
	}
}

// head returns the position of the last event of the log; 0 where no process answers.
func (w *world) head(ctx context.Context) int64 {
	return w.totals(ctx)["jangbu_log_head"]
}

func (w *world) totals(ctx context.Context) map[string]int64 {
	for _, p := range w.processes {
		ask, cancel := context.WithTimeout(ctx, time.Second)
		m := p.metrics(ask)
		cancel()
		if m["jangbu_log_head"] > 0 {
			return m
		}
	}
	return nil
}

// settled waits until every record of the topics is in the log and the rows.
func (w *world) settled(ctx context.Context, limit time.Duration) error {
	return until(ctx, limit, func() string {
		lag, err := w.lag(ctx)
		if err != nil {
			return err.Error()
		}
		if lag > 0 {
			return fmt.Sprintf("%d records are not read", lag)
		}
		m := w.totals(ctx)
		if m == nil {
			return "no process tells its metrics"
		}
		for name, at := range m {
			if strings.HasPrefix(name, "jangbu_projection_position{") && at < m["jangbu_log_head"] {
				return fmt.Sprintf("%s is %d of %d", name, at, m["jangbu_log_head"])
			}
		}
		return ""
	})
}

// lag returns how many records the log has not read.
func (w *world) lag(ctx context.Context) (lag int64, err error) {
	var found struct {
		Sources []struct{ Lag *int64 } `json:"sources"`
	}
	if err := w.query(ctx, &found, "sources", "--kafka-brokers", join(w.kafka.Addresses)); err != nil {
		return 0, err
	}
	for _, s := range found.Sources {
		if s.Lag == nil {
			return 0, fmt.Errorf("a lag is not known")
		}
		lag += *s.Lag
	}
	return lag, nil
}

// last lets one fault stay after the other and demands that all else goes on.
func (w *world) last(ctx context.Context, t *testing.T, p *producer) {
	progress := func(name string, alive []*process) {
		begun := time.Now()
		before := w.head(ctx)
		const sent = 300
		acknowledged := p.acknowledged.Load()
		for range sent {
			p.send(ctx, t, p.traffic.registered(p.traffic.drawn(), false))
		}
		err := until(ctx, 2*bounds().Progress, func() string {
			for _, one := range alive {
				m := one.metrics(ctx)
				if head := m["jangbu_log_head"]; head < before+sent {
					return fmt.Sprintf("%s says that the log has %d of %d events", one.name, head, before+sent)
				}
				for of, at := range m {
					if strings.HasPrefix(of, "jangbu_projection_position{") && at < before+sent {
						return fmt.Sprintf("%s says that %s is %d of %d", one.name, of, at, before+sent)
					}
				}
			}
			return ""
		})
		line := Line{Kind: kindProgress, Name: name, Took: time.Since(begun).Seconds()}
		if err != nil {
			line.Error = fmt.Sprintf("%v; %d records are acknowledged", err, p.acknowledged.Load()-acknowledged)
		}
		w.recorder.Add(begun, line)
	}
	begun := time.Now()
	line := Line{Kind: kindProgress, Name: lastNone}
	if err := w.settled(ctx, time.Minute); err != nil {
		line.Error = err.Error()
	}
	line.Took = time.Since(begun).Seconds()
	w.recorder.Add(begun, line)
	if *soak {
		return
	}

	w.redis.Freeze(t)
	progress(lastRedis, w.processes)
	w.redis.Thaw(t)

	w.simulated.Order(simulator.GenieTV, simulator.Hang)
	progress(lastChannel, w.processes)
	w.simulated.Order(simulator.GenieTV, "")

	w.processes[0].signal(syscall.SIGSTOP)
	progress(lastFrozen, w.processes[1:])
	w.processes[0].signal(syscall.SIGCONT)

	adopt := w.orphan(ctx, t)
	w.processes[1].restart(t) // it starts, and reads the other partitions
	progress(lastLeader, w.processes)
	adopt()
}

// orphan makes a partition that only one broker has, and kills that broker. What it returns starts
// the broker again.
func (w *world) orphan(ctx context.Context, t *testing.T) (adopt func()) {
	const of, partition = topicCreated, 5 // no record of the last stage is in this topic
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.Addresses[:2]...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	becomes := func(what string, is func(kadm.PartitionDetail) bool) {
		if err := until(ctx, 30*time.Second, func() string {
			topics, err := admin.ListTopics(ctx, of)
			if err != nil {
				return err.Error()
			}
			if p := topics[of].Partitions[partition]; !is(p) {
				return fmt.Sprintf("the partition does not become %s: %+v", what, p)
			}
			return ""
		}); err != nil {
			t.Fatal(err)
		}
	}
	move := kadm.AlterPartitionAssignmentsReq{}
	move.Assign(of, partition, []int32{2})
	if _, err := admin.AlterPartitionAssignments(ctx, move); err != nil {
		t.Fatal(err)
	}
	becomes("that of one broker", func(p kadm.PartitionDetail) bool { return slices.Equal(p.Replicas, []int32{2}) })
	w.kafka.Kill(t, 2)
	becomes("leaderless", func(p kadm.PartitionDetail) bool { return p.Leader < 0 })
	return func() {
		w.kafka.Start(t, 2)
		// The controller does not know that the broker lost nothing.
		if _, err := admin.ElectLeaders(ctx, kadm.ElectLiveReplica, kadm.TopicsSet{of: {partition: {}}}); err != nil {
			t.Fatal(err)
		}
		becomes("led", func(p kadm.PartitionDetail) bool { return p.Leader == 2 })
	}
}

// collect ends the processes and records what they have made.
func (w *world) collect(t *testing.T, p *producer) {
	ctx := t.Context()
	if err := p.client.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for _, one := range w.processes {
		if err := one.end(syscall.SIGTERM); err != nil {
			t.Errorf("%s, stopped, ended with %v", one.name, err)
		}
	}
	w.processes = nil
	final := w.start(t, "final", "--role", "ingest,project,api") // nothing is polled any more
	if err := w.settled(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	dump(ctx, t, w, *recorded)
	w.keep(t, logFile, "events", "export", filepath.Join(*recorded, logFile), "--why", "gauntlet", "--force")
	w.keep(t, lettersFile, "deadletters", "list", "--limit", "1000000", "--json")
	write(t, totalsFile, final.metrics(ctx))
	served := w.answers(ctx, t, final, p.traffic)
	write(t, servedFile, served)
	if _, _, err := w.command(ctx, "verify"); err != nil {
		t.Error(err)
	}
	if _, _, err := w.command(ctx, "projections", "rebuild", "--all", "--why", "gauntlet"); err != nil {
		t.Error(err)
	}
	write(t, rebuiltFile, w.answers(ctx, t, final, p.traffic))
	if err := final.end(syscall.SIGTERM); err != nil {
		t.Errorf("the last process, stopped, ended with %v", err)
	}
	write(t, importedFile, w.imported(ctx, t, p.traffic))
}

// keep writes what a command prints to a file of the record, unless the command writes it.
func (w *world) keep(t *testing.T, name string, args ...string) {
	t.Helper()
	out, _, err := w.command(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(args, filepath.Join(*recorded, name)) {
		if err := os.WriteFile(filepath.Join(*recorded, name), out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, name string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = os.WriteFile(filepath.Join(*recorded, name), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answers returns what a process answers of each campaign.
func (w *world) answers(ctx context.Context, t *testing.T, from *process, of *Traffic) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for n := range of.campaigns {
		campaign := of.Campaign(n)
		if err := until(ctx, 30*time.Second, func() string {
			status, answer := from.ask(ctx, false, "/api/events/"+campaign+"/analytics")
			all[campaign] = answer
			if status != http.StatusOK {
				return fmt.Sprintf("%s: status %d: %s", campaign, status, answer)
			}
			return ""
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// imported returns what a service on SQLite answers, into whose log the export was imported.
func (w *world) imported(ctx context.Context, t *testing.T, of *Traffic) map[string]json.RawMessage {
	t.Helper()
	dir := t.TempDir()
	environment := w.environment
	w.environment = slices.DeleteFunc(slices.Clone(environment), func(v string) bool {
		return strings.HasPrefix(v, "JANGBU_DATABASE_URL=") || strings.HasPrefix(v, "JANGBU_REDIS_URL=") || strings.HasPrefix(v, "JANGBU_KAFKA_BROKERS=") ||
			strings.HasPrefix(v, "JANGBU_CHANNEL_")
	})
	if _, _, err := w.command(ctx, "events", "import", filepath.Join(*recorded, logFile), "--data-dir", dir); err != nil {
		t.Fatal(err)
	}
	other := w.start(t, "imported", "--data-dir", dir, "--role", "project,api")
	if err := until(ctx, time.Minute, func() string {
		m := other.metrics(ctx)
		head := m["jangbu_log_head"]
		if head == 0 {
			return "the log is empty"
		}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if strings.HasPrefix(name, "jangbu_projection_position{") && m[name] < head {
				return fmt.Sprintf("%s is %d of %d", name, m[name], head)
			}
		}
		return ""
	}); err != nil {
		t.Fatal(err)
	}
	return w.answers(ctx, t, other, of)
}
