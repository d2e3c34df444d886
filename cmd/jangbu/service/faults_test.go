package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels"
	"jangbu/events/channels/api"
	"jangbu/events/channels/simulator"
	"jangbu/readmodel"
)

// cell is one fault of one API, met by a breaker in one state.
type cell struct {
	fault simulator.Fault
	api   simulator.API
	state channels.State
}

func (c cell) campaign() events.Campaign {
	return events.Campaign(fmt.Sprintf("evt-%s-%s-%s", c.fault, c.api, c.state))
}

// figures are what a dashboard says of a campaign's channels: the figures by
// "channel/figure", null ones left out, and the statuses by channel.
type figures struct {
	values   map[string]int64
	statuses map[string]string
}

// faultBundle is a pipeline without a poller of its own, and what pollers of
// single cells need to work on it.
type faultBundle struct {
	*bundle
	publisher message.Publisher
	directory *channels.Directory // of all cells
}

// TestChannelFaults is the matrix of every fault, every channel and every state
// of the breaker. In each cell figures come in that are good; then the API fails;
// and what the dashboard shows does not change (I8), but for its status. It
// counts goroutines and open files, so it runs alone.
func TestChannelFaults(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.PollInterval = 50 * time.Millisecond // three of it and figures are stale
	b := &faultBundle{bundle: setup(t, cfg)}
	b.directory = channels.NewDirectory(listTargets(b.rows), always())
	var err error
	if b.publisher, err = kafka.NewPublisher(b.Kafka()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.publisher.Close() })

	var cells []cell
	var records []events.Record
	for _, fault := range simulator.Faults() {
		for _, api := range simulator.APIs() {
			for _, state := range []channels.State{channels.Closed, channels.HalfOpen, channels.Open} {
				c := cell{fault, api, state}
				cells = append(cells, c)
				names, err := json.Marshal(channelsOf(api))
				if err != nil {
					t.Fatal(err)
				}
				records = append(records, record(cfg.TopicDistributionCompleted, string(c.campaign()),
					fmt.Sprintf(`{"eventId":%q,"distributedChannels":%s,"completedAt":%q}`, c.campaign(), names, time.Now().Format(time.RFC3339))))
			}
		}
	}
	b.produce(t, records...)
	b.settled(t, events.Totals{Head: events.Position(len(records))}, time.Minute)
	b.warmUp(t, cells[0].campaign())

	goroutines, files := b.open(t)
	var (
		mu      sync.Mutex
		good    = make(map[cell]figures)
		running sync.WaitGroup
		slots   = make(chan struct{}, 64)
	)
	for _, c := range cells {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			f := b.try(t, c)
			mu.Lock()
			defer mu.Unlock()
			good[c] = f
		})
	}
	running.Wait()

	// What may still be on its way has arrived once this has.
	b.produce(t, record(cfg.TopicChannelStatsFetched, "last", fmt.Sprintf(`{"eventId":"last","channel":"naver","fetchedAt":%q,"views":1}`, time.Now().Format(time.RFC3339))))
	waitFor(t, 30*time.Second, func() string {
		if _, ok := b.dashboard(t, "last"); !ok {
			return "the last record is not folded"
		}
		return ""
	})
	tried := 0
	for _, c := range cells {
		got, want := b.shown(t, c.campaign()), good[c]
		if c.fault == simulator.Shrinking && c.state != channels.Open {
			// No outage: the channel says that it is less, and is believed.
			for name, value := range got.values {
				if value <= 0 || value >= want.values[name] {
					t.Errorf("%s: %s was %d and is %d, want less and more than 0", c.campaign(), name, want.values[name], value)
				}
			}
		} else if !maps.Equal(got.values, want.values) {
			t.Errorf("%s: figures were %v and are %v", c.campaign(), want.values, got.values)
		}
		for channel, status := range got.statuses {
			tried++
			if status != "stale" {
				t.Errorf("%s: %s is %s, want stale", c.campaign(), channel, status)
			}
		}
	}
	t.Logf("%d cells: %d faults × %d channels × 3 states of the breaker, in %d runs", tried, len(simulator.Faults()), len(events.Channels()), len(cells))
	if want := len(simulator.Faults()) * len(events.Channels()) * 3; tried != want {
		t.Errorf("%d cells of %d were tried", tried, want)
	}
	http.DefaultClient.CloseIdleConnections()
	// What leaks does so in each run of a fault; a pool that opens a connection more than before
	// does it once.
	less := len(cells)/len(simulator.Faults()) - 1
	waitFor(t, 30*time.Second, func() string {
		if g, f := b.open(t); g > goroutines+less || f > files+less {
			return fmt.Sprintf("%d goroutines and %d open files, %d and %d before", g, f, goroutines, files)
		}
		return ""
	})
}

// warmUp opens everything that is opened when it is first needed.
func (b *faultBundle) warmUp(t *testing.T, c events.Campaign) {
	views := int64(1)
	var running sync.WaitGroup
	for i := range 24 {
		running.Go(func() {
			for j := range 20 { // every partition
				b.shown(t, c)
				if _, err := b.rows.Campaign(t.Context(), c, readmodel.Everything()); err != nil { // past the cache
					t.Error(err)
				}
				report := &events.ChannelStatsFetched{Campaign: events.Campaign(fmt.Sprintf("warm-%d-%d", i, j)), Channel: events.Naver, FetchedAt: time.Now(), Views: &views}
				if err := b.publishReports(t.Context(), []*events.ChannelStatsFetched{report}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	http.DefaultClient.CloseIdleConnections()
}

// try runs one cell and returns the figures from before the fault.
func (b *faultBundle) try(t *testing.T, c cell) figures {
	sim, err := simulator.Start(t.Context(), simulator.Config{Key: "k", Since: time.Now()})
	if err != nil {
		t.Error(err)
		return figures{}
	}
	defer func() { _ = sim.Close() }()
	at, err := api.NewEndpoint(sim.URL(c.api), api.NewSecret("k"), sim.Roots())
	if err != nil {
		t.Error(err)
		return figures{}
	}
	source := sourceOf(c.api, at)

	openFor := 4 * time.Second // longer than the first retry waits
	if c.state == channels.Open {
		openFor = time.Hour
	}
	patience := channels.DefaultAttemptTimeout
	if slices.Contains([]simulator.Fault{simulator.Hang, simulator.SlowHeader, simulator.SlowBody, simulator.SlowAccept}, c.fault) {
		patience = time.Second
	}
	directory := channels.NewDirectory(func(ctx context.Context, _ time.Time) ([]channels.Target, error) {
		targets, err := b.directory.Targets(ctx)
		var mine []channels.Target
		for _, t := range targets {
			if t.Campaign == c.campaign() {
				mine = append(mine, t)
			}
		}
		return mine, err
	}, always())
	var mu sync.Mutex
	var polls []channels.Poll
	poller, err := channels.NewPoller(channels.Config{
		Source: source, Directory: directory, Schedule: always(), AttemptTimeout: patience, OpenFor: openFor,
		OnPoll: func(p channels.Poll) { mu.Lock(); defer mu.Unlock(); polls = append(polls, p) },
	})
	if err != nil {
		t.Error(err)
		return figures{}
	}
	round := func() *channels.Poll {
		mu.Lock()
		polls = nil
		mu.Unlock()
		if err := poller.Round(t.Context(), b.publishReports); err != nil {
			t.Errorf("%s: %v", c.campaign(), err)
		}
		if len(polls) == 0 {
			return nil
		}
		return &polls[0]
	}

	until(t, c, "good figures", func() bool { p := round(); return p != nil && p.Result == channels.ResultLearned })
	var good figures
	until(t, c, "figures of all channels on the dashboard", func() bool {
		good = b.shown(t, c.campaign())
		return len(good.values) == figureCount(c.api)
	})
	until(t, c, "targets whose figures are known", func() bool {
		targets, err := directory.Targets(t.Context())
		return err == nil && !slices.ContainsFunc(targets, func(t channels.Target) bool { return t.Known.FetchedAt.IsZero() })
	})
	if c.state != channels.Closed {
		sim.Order(c.api, simulator.Status500)
		until(t, c, "an open breaker", func() bool { round(); return poller.Status().Breaker != channels.Closed })
		until(t, c, "a breaker that is "+string(c.state), func() bool { return poller.Status().Breaker == c.state })
	}

	sim.Order(c.api, c.fault)
	before := sim.Calls(c.api)
	p := round()
	calls := sim.Calls(c.api) - before
	switch {
	case c.state == channels.Open && (p != nil || calls > 0):
		t.Errorf("%s: an open breaker let %d calls pass", c.campaign(), calls)
	case c.state == channels.HalfOpen && (p == nil || p.Attempts != 1 || calls > 1):
		t.Errorf("%s: a half-open breaker let %d calls pass: %+v", c.campaign(), calls, p)
	case c.state == channels.Closed && (p == nil || p.Attempts > 4 || calls > 4):
		t.Errorf("%s: %d calls for one poll: %+v", c.campaign(), calls, p)
	case p != nil && (p.Result == channels.ResultLearned) != (c.fault == simulator.Shrinking):
		t.Errorf("%s: the poll's outcome is %s", c.campaign(), p.Result)
	case c.fault == simulator.Shrinking && p != nil && len(p.Shrunk) == 0:
		t.Errorf("%s: it was not noticed that the figures have shrunk", c.campaign())
	}
	if sim.Followed() > 0 {
		t.Errorf("%s: a redirect was followed", c.campaign())
	}
	source.Close()
	until(t, c, "end of every connection", func() bool { return sim.Connections(c.api) == 0 })
	return good
}

// always is a schedule by which all campaigns are due at once.
func always() channels.Schedule {
	return channels.Schedule{Youngest: time.Nanosecond, Oldest: time.Nanosecond}
}

// publishReports publishes as the scheduled handler does.
func (b *faultBundle) publishReports(_ context.Context, reports []*events.ChannelStatsFetched) error {
	for _, r := range reports {
		msg := message.NewMessage(fmt.Sprint(r.Campaign, r.Channel, r.FetchedAt), events.AppendStored(nil, r))
		msg.Metadata.Set(kafka.KeyMetadata, string(r.Campaign))
		if err := b.publisher.Publish(b.cfg.TopicChannelStatsFetched, msg); err != nil {
			return err
		}
	}
	return nil
}

// until is waitFor for goroutines that are not the test's own.
func until(t *testing.T, c cell, what string, ok func() bool) {
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Errorf("%s: no %s within a minute", c.campaign(), what)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// shown asks the API for a campaign's figures.
func (b *faultBundle) shown(t *testing.T, campaign events.Campaign) figures {
	_, body := b.get(t, "/api/events/"+string(campaign)+"/analytics")
	var d struct {
		Channels []map[string]any `json:"channels"`
	}
	if err := json.Unmarshal(body, &d); err != nil {
		t.Errorf("%s: %v: %s", campaign, err, body)
	}
	f := figures{make(map[string]int64), make(map[string]string)}
	for _, ch := range d.Channels {
		name := ch["channel"].(string)
		f.statuses[name] = ch["status"].(string)
		for _, figure := range []string{"impressions", "views", "clicks", "likes", "comments", "shares"} {
			if v, ok := ch[figure].(float64); ok {
				f.values[name+"/"+figure] = int64(v)
			}
		}
	}
	return f
}

func channelsOf(api simulator.API) []events.Channel {
	switch api {
	case simulator.WooridongneTV:
		return []events.Channel{events.WooridongneTV}
	case simulator.GenieTV:
		return []events.Channel{events.GenieTV}
	case simulator.SNS:
		return []events.Channel{events.Instagram, events.Naver, events.Kakao}
	default:
		return nil
	}
}

func figureCount(api simulator.API) int {
	if api == simulator.SNS {
		return 4
	}
	return 2
}

func sourceOf(name simulator.API, at api.Endpoint) *api.Client {
	for _, a := range (channelConfig{}).apis() {
		if s := a.source(at); s.Name() == string(name) {
			return s
		}
	}
	panic(errors.New("no client of " + string(name)))
}

// open counts goroutines and open files, without those of the pool of connections to the
// embedded Redis, which grows and shrinks by itself: each connection has both of its ends in
// this process, and a goroutine that serves it.
func (b *faultBundle) open(t *testing.T) (goroutines, files int) {
	t.Helper()
	pooled := b.cache.Stats().Shared.Connections
	return runtime.NumGoroutine() - pooled, openFiles(t) - 2*pooled
}

// openFiles counts this process's descriptors; 0 if they cannot be listed.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
