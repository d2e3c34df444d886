package service

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
	cacheredis "jangbu/readmodel/cache/redis"
)

// redisReader asks for dashboards again and again and judges every answer.
type redisReader struct {
	b         *bundle
	campaigns int
	want      func(campaign int) int64 // position that a dashboard must have reached a second ago

	mu    sync.Mutex
	took  []time.Duration
	wrong []string
}

// read asks until ctx ends.
func (r *redisReader) read(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		c := random.IntN(r.campaigns)
		want, start := r.want(c), time.Now()
		status, body, err := r.ask(ctx, fmt.Sprintf("/api/events/evt-%d/analytics", c))
		took := time.Since(start)
		if ctx.Err() != nil {
			return
		}
		var d servedDashboard
		problem := ""
		switch {
		case err != nil:
			problem = err.Error()
		case status != http.StatusOK:
			problem = fmt.Sprintf("status %d: %s", status, body)
		case json.Unmarshal(body, &d) != nil:
			problem = "no JSON: " + string(body)
		case d.EventID != fmt.Sprintf("evt-%d", c):
			problem = "it is the dashboard of " + d.EventID
		case d.Position < want:
			problem = fmt.Sprintf("it is of position %d, and was at %d a second ago", d.Position, want)
		}
		r.note(c, took, problem)
		time.Sleep(5 * time.Millisecond) // a reader looks at what it got
	}
}

// note takes down how long an answer took, and what was wrong with it, if anything.
func (r *redisReader) note(campaign int, took time.Duration, problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took = append(r.took, took)
	if problem != "" && len(r.wrong) < 10 {
		r.wrong = append(r.wrong, fmt.Sprintf("evt-%d: %s", campaign, problem))
	}
}

// come reads as processes do that have only just started, until ctx ends: nothing is
// kept in them, so that they ask Redis. It returns how many answers Redis gave.
func (r *redisReader) come(ctx context.Context, t testing.TB, url string) (fromRedis int64) {
	options, err := cacheredis.Options(url)
	if err != nil {
		t.Error(err)
		return 0
	}
	key, err := r.b.cfg.cacheKey()
	if err != nil {
		t.Error(err)
		return 0
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	for ctx.Err() == nil {
		quiet := slog.New(slog.DiscardHandler)
		shared, err := cacheredis.New(cacheredis.Config{Client: client, Tables: projections.Tables(projections.All()), Key: key.Bytes(), Logger: quiet})
		if err != nil {
			t.Error(err)
			return fromRedis
		}
		process, err := cache.Open(ctx, cache.Config{Inner: r.b.rows, Shared: shared, Logger: quiet})
		if err != nil {
			t.Error(err)
			return fromRedis
		}
		_, _ = process.Campaign(ctx, "evt-none", readmodel.Everything())
		time.Sleep(20 * time.Millisecond) // by now it knows the store's revision
		for c := range r.campaigns {
			want, start := r.want(c), time.Now()
			rows, err := process.Campaign(ctx, events.Campaign(fmt.Sprintf("evt-%d", c)), readmodel.Everything())
			took, problem := time.Since(start), ""
			switch {
			case ctx.Err() != nil:
			case err != nil:
				problem = err.Error()
			case rows.Campaign().Campaign != events.Campaign(fmt.Sprintf("evt-%d", c)):
				problem = "these are the rows of " + string(rows.Campaign().Campaign)
			case int64(rows.Campaign().Position) < want:
				problem = fmt.Sprintf("rows of position %d, there were some of %d a second ago", rows.Campaign().Position, want)
			}
			r.note(c, took, problem)
		}
		fromRedis += process.Stats().SharedHits
		process.Close()
	}
	return fromRedis
}

func (r *redisReader) ask(ctx context.Context, path string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.b.httpAddr+path, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// p99 returns the 99th percentile since the last call, and how many answers came.
func (r *redisReader) p99() (time.Duration, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	took := r.took
	r.took = nil
	slices.Sort(took)
	if len(took) == 0 {
		return 0, 0
	}
	return took[len(took)*99/100], len(took)
}

// sampler notes the positions of campaigns' rows, so that it is known where they
// were for sure at some time.
type sampler struct {
	b         *bundle
	campaigns int

	mu      sync.Mutex
	samples []sample
}

type sample struct {
	done      time.Time // when the read had ended
	positions map[string]events.Position
}

func newSampler(b *bundle, campaigns int) *sampler { return &sampler{b: b, campaigns: campaigns} }

// run samples until ctx ends.
func (s *sampler) run(ctx context.Context, t testing.TB) {
	for ctx.Err() == nil {
		rows, err := s.b.rows.ShopCampaigns(ctx, "store-1", readmodel.Everything())
		if err != nil {
			if ctx.Err() == nil {
				t.Errorf("sample the rows: %v", err)
			}
			return
		}
		now := sample{time.Now(), make(map[string]events.Position, len(rows))}
		for _, row := range rows {
			now.positions[string(row.Campaign.Campaign)] = row.Campaign.Position
		}
		s.mu.Lock()
		s.samples = append(s.samples, now)
		if len(s.samples) > 400 {
			s.samples = slices.Delete(s.samples, 0, 200)
		}
		s.mu.Unlock()
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// secondAgo returns the position that a campaign's rows had reached a second ago.
func (s *sampler) secondAgo(campaign int) int64 {
	limit := time.Now().Add(-time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sample := range slices.Backward(s.samples) {
		if !sample.done.After(limit) {
			return int64(sample.positions[fmt.Sprintf("evt-%d", campaign)])
		}
	}
	return 0
}
