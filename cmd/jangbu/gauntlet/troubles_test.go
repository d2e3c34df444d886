//go:build gauntlet && linux

package gauntlet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"

	"jangbu/events/channels/simulator"
	"jangbu/events/eventstest/services"
)

// between returns a random duration.
func between(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)))
}

// fault records a fault that lasts as long as while does.
func (w *world) fault(name, target string, while func()) {
	begun := time.Now()
	while()
	w.recorder.Add(begun, Line{Kind: kindFault, Name: name, Target: target, Took: time.Since(begun).Seconds()})
}

// works is for how long a process that was ended is waited for before the next fault comes to it.
const works = 3 * time.Second

// processFaults kills, stops and freezes processes, one at a time, each once it works again.
func (w *world) processFaults(ctx context.Context, t *testing.T, random *rand.Rand) {
	// As many as are asked for fit into the time of the traffic.
	pause, frozen := w.duration()/time.Duration(*kills*13/10+20), 8*time.Second
	if *soak {
		pause, frozen = 10*time.Second, 20*time.Second
	}
	for n := 0; pass(ctx, between(random, pause/2, pause*3/2)); n++ {
		p := w.processes[random.IntN(len(w.processes))]
		_ = until(ctx, works, func() string { // or it is of another fault that it does not
			if status, _ := p.ask(ctx, false, "/api/events/evt-00/analytics"); status != http.StatusOK {
				return "it does not answer"
			}
			return ""
		})
		switch {
		case n%20 == 5:
			w.fault(FaultProcessFreeze, p.label(), func() {
				p.signal(syscall.SIGSTOP)
				pass(ctx, between(random, frozen/4, frozen))
				p.signal(syscall.SIGCONT)
			})
		case n%10 == 3:
			w.fault(FaultProcessTerm, p.label(), func() {
				started := p.started()
				if err := p.end(syscall.SIGTERM); err != nil && started {
					w.recorder.Add(time.Now(), Line{Kind: kindEnded, Target: p.label(), Error: "stopped, it ended with " + err.Error()})
				}
				p.start(t)
			})
		default:
			w.fault(FaultProcessKill, p.label(), func() { p.restart(t) })
		}
	}
}

// duration is how long the traffic takes.
func (w *world) duration() time.Duration {
	return time.Duration(float64(*count) / *rate * float64(time.Second))
}

// brokerFaults kills and freezes brokers, one at a time: of three, two can write.
func (w *world) brokerFaults(ctx context.Context, t *testing.T, random *rand.Rand) {
	pause := w.duration() / time.Duration(3*max(*kills/10, 1)+8)
	if *soak {
		pause = 15 * time.Second
	}
	for n := 0; pass(ctx, between(random, pause/2, pause*3/2)); n++ {
		i := random.IntN(3)
		name := fmt.Sprintf("broker %d", i)
		if n == 1 {
			w.fault(FaultBrokerFreeze, name, func() {
				w.kafka.Freeze(t, i)
				pass(ctx, between(random, 3*time.Second, 8*time.Second))
				w.kafka.Thaw(t, i)
			})
			continue
		}
		w.fault(FaultBrokerKill, name, func() {
			w.kafka.Kill(t, i)
			pass(ctx, between(random, 0, 2*time.Second))
			w.kafka.Start(t, i)
		})
	}
}

// databaseFaults kills PostgreSQL, fails over to its standby, and fills its disk.
func (w *world) databaseFaults(ctx context.Context, t *testing.T, random *rand.Rand) {
	pause := w.duration() / time.Duration(max(*kills/10, 1)+6)
	if *soak {
		pause = w.duration() / 4
	}
	for n := 0; pass(ctx, between(random, pause/2, pause)); n++ {
		switch {
		case n%20 == 3 && !*soak:
			w.failOver(ctx, t, random)
		case n%20 == 5 && !*soak:
			w.fault(FaultDiskFull, "PostgreSQL", func() { w.fillDisk(ctx, t, random) })
		default:
			w.fault(FaultPostgresKill, "PostgreSQL", func() {
				w.postgres.Kill(t)
				pass(ctx, between(random, 0, time.Second))
				w.postgres.Start(t)
			})
		}
	}
}

// failOver promotes the standby, which lacks what was committed last.
func (w *world) failOver(ctx context.Context, t *testing.T, random *rand.Rand) {
	w.standby.Detach(t)
	pass(ctx, between(random, time.Second, 3*time.Second))
	w.fault(FaultFailover, "PostgreSQL", func() {
		lost := w.postgres
		lost.Kill(t)
		w.standby.Promote(t)
		w.postgres = w.standby
		w.redirect(t, w.toDatabase, w.postgres)
	})
	t.Setenv("TMPDIR", w.small)
	w.standby = w.postgres.Standby(t, settings...)
	t.Setenv("TMPDIR", "")
}

func (w *world) redirect(t *testing.T, proxy *toxiproxy.Proxy, to *services.PostgresServer) {
	input := toxiproxy.Proxy{Listen: proxy.Listen, Upstream: to.Addr, Enabled: true}
	if err := proxy.Update(&input); err != nil {
		t.Errorf("redirect to the standby: %v", err)
	}
}

// fillDisk fills the disk on which PostgreSQL is, and empties it again.
func (w *world) fillDisk(ctx context.Context, t *testing.T, random *rand.Rand) {
	ballast := filepath.Join(w.small, "ballast")
	file, err := os.Create(ballast)
	if err != nil {
		t.Error(err)
		return
	}
	chunk := make([]byte, 1<<20)
	for err == nil {
		_, err = file.Write(chunk)
	}
	for part := chunk[:4096]; ; {
		if _, err := file.Write(part); err != nil {
			break
		}
	}
	pass(ctx, between(random, 3*time.Second, 5*time.Second))
	_ = file.Close()
	if err := os.Remove(ballast); err != nil {
		t.Error(err)
	}
	// PostgreSQL ends where it can write no more of its log, and so does its standby.
	for _, p := range []*services.PostgresServer{w.postgres, w.standby} {
		p.Kill(t)
		p.Start(t)
	}
}

// redisFaults kills and freezes Redis.
func (w *world) redisFaults(ctx context.Context, t *testing.T, random *rand.Rand) {
	pause := w.duration() / time.Duration(max(*kills/10, 1)+5)
	if *soak {
		pause = w.duration() / 4
	}
	for n := 0; pass(ctx, between(random, pause/2, pause)); n++ {
		if n%5 == 2 && !*soak {
			w.fault(FaultRedisFreeze, "Redis", func() {
				w.redis.Freeze(t)
				pass(ctx, between(random, time.Second, 5*time.Second))
				w.redis.Thaw(t)
			})
			continue
		}
		w.fault(FaultRedisKill, "Redis", func() {
			w.redis.Kill(t)
			pass(ctx, between(random, 0, 3*time.Second))
			w.redis.Start(t)
		})
	}
}

// toxic is something that goes wrong with the connections that pass a proxy.
type toxic struct {
	fault, ofBroker string // what it is called
	json            string // with the direction to fill in
	from, to        time.Duration
}

func toxics() []toxic {
	return []toxic{
		{FaultCut, FaultBrokerCut, `{"type":"reset_peer","stream":"%s","attributes":{"timeout":0}}`, 100 * time.Millisecond, time.Second},
		{FaultSlow, FaultBrokerSlow, `{"type":"latency","stream":"%s","attributes":{"latency":40,"jitter":30}}`, 2 * time.Second, 5 * time.Second},
		{FaultHalfOpen, FaultBrokerSilent, `{"type":"timeout","stream":"%s","attributes":{"timeout":0}}`, time.Second, 3 * time.Second},
	}
}

// suffer has a proxy's connections go wrong while while runs.
func (x toxic) suffer(ctx context.Context, t *testing.T, proxy *toxiproxy.Proxy, stream string, while func()) {
	if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(x.json, stream))); err != nil {
		t.Errorf("%s: %v", x.fault, err)
	}
	while()
	proxy.Toxics.ResetToxics(context.WithoutCancel(ctx))
}

// networkFaults cuts, slows and silences connections to the database, to a broker and to Redis.
func (w *world) networkFaults(ctx context.Context, t *testing.T, random *rand.Rand) {
	for n := 0; pass(ctx, between(random, 5*time.Second, 10*time.Second)); n++ {
		x := toxics()[n%3]
		name, proxy := x.fault, w.toDatabase
		switch n / 3 % 3 {
		case 1:
			name, proxy = x.ofBroker, w.toBrokers[random.IntN(len(w.toBrokers))]
		case 2:
			proxy = w.toRedis
		}
		stream := []string{"upstream", "downstream"}[random.IntN(2)]
		w.fault(name, proxy.Name+" "+stream, func() {
			x.suffer(ctx, t, proxy, stream, func() { pass(ctx, between(random, x.from, x.to)) })
		})
	}
}

// clockFaults makes the clock of a process wrong for a while.
func (w *world) clockFaults(ctx context.Context, t *testing.T, random *rand.Rand) {
	for n := 0; pass(ctx, between(random, 8*time.Second, 15*time.Second)); n++ {
		p := w.processes[random.IntN(len(w.processes))]
		if !p.started() {
			continue // it would not start
		}
		name, by := FaultClockForward, between(random, time.Minute, 2*time.Hour)
		if n%2 == 1 {
			name, by = FaultClockBack, -by
		}
		w.fault(name, p.label(), func() {
			p.step(t, by)
			pass(ctx, between(random, time.Second, 4*time.Second))
			p.step(t, 0)
		})
	}
}

// channelFaults lets the channels' APIs fail in every way, one after the other.
func (w *world) channelFaults(ctx context.Context, _ *testing.T, random *rand.Rand) {
	for n := 0; pass(ctx, between(random, time.Second, 3*time.Second)); n++ {
		faults, apis := simulator.Faults(), simulator.APIs()
		fault, api := faults[n%len(faults)], apis[random.IntN(len(apis))]
		if fault == simulator.Shrinking {
			continue // it is a valid report
		}
		w.fault(FaultChannel, string(api)+" "+string(fault), func() {
			w.simulated.Order(api, fault)
			pass(ctx, between(random, 2*time.Second, 6*time.Second))
			w.simulated.Order(api, "")
		})
	}
}
