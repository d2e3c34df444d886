package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/readmodel"
)

// BenchmarkFreshness has 200 readers ask for one campaign each every second, of
// 200 campaigns for which 500 registrations a second arrive. "hit-%" is how many
// answers needed no read of the rows, "old" how many were of a position before that
// of what had been committed a second earlier. Beside it the same load on a cache that deletes a key
// whenever its campaign changes.
func BenchmarkFreshness(b *testing.B) {
	const campaigns, perSecond, span = 200, 500, 40 * time.Second
	for b.Loop() {
		cfg := testConfig(b.TempDir())
		cfg.LogLevel, cfg.RatePerToken, cfg.RatePerAddress = "warn", 0, 0
		s := startBenchmarked(b, cfg)
		bundle := &bundle{Service: s, producer: newProducer(b, s)}
		var records []events.Record
		for i := range campaigns {
			id := fmt.Sprintf("evt-%d", i)
			records = append(records, record("event-created", id, fmt.Sprintf(`{"eventId":%q,"storeId":"store-1","title":"t","objective":"o"}`, id)))
		}
		if err := bundle.producer.Produce(b.Context(), records); err != nil {
			b.Fatal(err)
		}
		for s.behind(b, campaigns) {
			time.Sleep(20 * time.Millisecond)
		}
		naive := newDeletingCache(b, s)
		ctx, stop := context.WithTimeout(b.Context(), span)
		var running sync.WaitGroup
		committed := newSampler(bundle, campaigns)
		running.Go(func() { committed.run(ctx, b) })
		running.Go(func() { naive.deleteChanged(ctx) })
		running.Go(func() {
			limiter := rate.NewLimiter(perSecond, perSecond/50)
			for n := 0; limiter.WaitN(ctx, perSecond/50) == nil; {
				var some []events.Record
				for range perSecond / 50 {
					id := fmt.Sprintf("evt-%d", rand.IntN(campaigns))
					some = append(some, record("participant-registered", id, fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d"}`, n, id, n%10000)))
					n++
				}
				bundle.producerOf(ctx, some...)
			}
		})
		all, hits := s.CacheReads()
		var reads, old atomic.Int64
		for i := range campaigns {
			running.Go(func() {
				timer := time.NewTicker(time.Second)
				defer timer.Stop()
				time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
				r := &redisReader{b: bundle}
				path := fmt.Sprintf("/api/events/evt-%d/analytics", i)
				for ctx.Err() == nil {
					want := committed.secondAgo(i)
					status, body, err := r.ask(ctx, path)
					var d servedDashboard
					if ctx.Err() != nil {
						return
					}
					if err != nil || status != http.StatusOK || json.Unmarshal(body, &d) != nil {
						b.Errorf("status %d: %v: %s", status, err, body)
						return
					}
					reads.Add(1)
					if d.Position < want {
						old.Add(1)
					}
					naive.ask(path)
					select {
					case <-timer.C:
					case <-ctx.Done():
					}
				}
			})
		}
		running.Wait()
		stop()
		allAfter, hitsAfter := s.CacheReads()
		b.ReportMetric(100*float64(hitsAfter-hits)/float64(allAfter-all), "hit-%")
		b.ReportMetric(100*float64(naive.hits.Load())/float64(naive.reads.Load()), "delete-on-write-hit-%")
		b.ReportMetric(float64(old.Load()), "old")
		b.ReportMetric(float64(reads.Load()), "reads")
		if old.Load() > 0 {
			b.Errorf("%d of %d answers were more than a second old (I9)", old.Load(), reads.Load())
		}
		_ = bundle.producer.Close()
		end(b, s)
	}
}

// deletingCache is what most would write: a key is set by the reader that missed it, and
// deleted when its campaign changes.
type deletingCache struct {
	readmodel.Reader
	client      redis.UniversalClient
	api         http.Handler
	hits, reads atomic.Int64
	s           *Service
}

func newDeletingCache(b *testing.B, s *Service) *deletingCache {
	b.Helper()
	c := &deletingCache{Reader: s.rows, s: s, client: s.redis}
	var err error
	if c.api, err = httpapi.New(httpapi.Config{Reader: c, Now: time.Now, Location: time.UTC, Limits: httpapi.Limits{PerToken: -1, PerAddress: -1}, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		b.Fatal(err)
	}
	return c
}

func (c *deletingCache) ask(path string) {
	c.api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
}

// Campaign implements [readmodel.Reader].
func (c *deletingCache) Campaign(ctx context.Context, campaign events.Campaign, by readmodel.Scope) (rows readmodel.CampaignRows, err error) {
	c.reads.Add(1)
	key := "naive:" + string(campaign)
	if value, err := c.client.Get(ctx, key).Bytes(); err == nil && json.Unmarshal(value, &rows) == nil {
		c.hits.Add(1)
		return rows, nil
	}
	if rows, err = c.Reader.Campaign(ctx, campaign, by); err != nil {
		return rows, err
	}
	value, err := json.Marshal(rows)
	return rows, errors.Join(err, c.client.Set(ctx, key, value, 5*time.Minute).Err())
}

// deleteChanged deletes the keys of campaigns that have changed, soon after they have.
func (c *deletingCache) deleteChanged(ctx context.Context) {
	positions := make(map[events.Campaign]events.Position)
	for ctx.Err() == nil {
		rows, err := c.s.rows.ShopCampaigns(ctx, "store-1", readmodel.Everything())
		if err != nil {
			return
		}
		for _, row := range rows {
			if positions[row.Campaign.Campaign] != row.Campaign.Position {
				positions[row.Campaign.Campaign] = row.Campaign.Position
				_ = c.client.Del(ctx, "naive:"+string(row.Campaign.Campaign)).Err()
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}
