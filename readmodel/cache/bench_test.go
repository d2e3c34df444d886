package cache_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

// BenchmarkCache measures the paths of a read, and what a commit costs.
func BenchmarkCache(b *testing.B) {
	const campaigns = 5_000
	all := numbered("evt", campaigns)
	w := newWorld()
	w.commit(all...)
	prepared := newPrepared(b, w, all)
	open := func(b *testing.B, most int) *cache.Cache {
		b.Helper()
		process, err := cache.Open(b.Context(), cache.Config{Inner: prepared, Logger: quietLog(), MaxEntries: most})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(process.Close)
		return process
	}
	read := func(b *testing.B, process *cache.Cache, c events.Campaign) readmodel.CampaignRows {
		rows, err := process.Campaign(b.Context(), c, readmodel.Everything())
		if err != nil {
			b.Fatal(err)
		}
		return rows
	}
	warm := func(b *testing.B, process *cache.Cache) {
		b.Helper()
		for _, c := range all {
			read(b, process, c)
		}
		time.Sleep(cache.DefaultBound / 2) // a poll has come
		for _, c := range all {
			read(b, process, c)
		}
	}

	b.Run("hit", func(b *testing.B) {
		process := open(b, 0)
		warm(b, process)
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			read(b, process, all[n%campaigns])
		}
	})
	b.Run("hit in parallel", func(b *testing.B) {
		process := open(b, 0)
		warm(b, process)
		var readers atomic.Int64
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for n := int(readers.Add(977)); pb.Next(); n++ {
				read(b, process, all[n%campaigns])
			}
		})
	})
	b.Run("hit of one in parallel", func(b *testing.B) {
		process := open(b, 0)
		warm(b, process)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				read(b, process, all[0])
			}
		})
	})
	b.Run("current", func(b *testing.B) {
		process := open(b, 0)
		warm(b, process)
		at := read(b, process, all[0]).Revision
		b.ReportAllocs()
		for b.Loop() {
			if !process.Current(all[0], at) {
				b.Fatal("not current")
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		process := open(b, 0)
		warm(b, process)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := process.ShopCampaigns(b.Context(), shop, readmodel.Everything()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		process := open(b, campaigns/10)
		warm(b, process)
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			read(b, process, all[n%campaigns])
		}
	})
	for _, named := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("committed/%d", named), func(b *testing.B) {
			process := open(b, 0)
			warm(b, process)
			ch := readmodel.Change{From: w.now, To: w.now}
			changed := make([][]events.Campaign, 7)
			for i := range changed {
				changed[i] = numbered(fmt.Sprintf("changed-%d", i), named)
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				ch.From = ch.To
				ch.To.Position++
				ch.Campaigns = changed[n%len(changed)]
				process.Committed(ch)
			}
		})
	}
	b.Run("hit after a commit", func(b *testing.B) {
		process := open(b, 0)
		warm(b, process)
		ch := readmodel.Change{From: w.now, To: w.now, Campaigns: []events.Campaign{"other"}}
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			ch.From = ch.To
			ch.To.Position++
			process.Committed(ch)
			read(b, process, all[n%campaigns])
		}
	})
}

// prepared is a reader that has made its rows beforehand.
type prepared struct {
	*world
	rows map[events.Campaign]readmodel.CampaignRows
	list []readmodel.ShopCampaign
}

func newPrepared(b *testing.B, w *world, all []events.Campaign) *prepared {
	b.Helper()
	p := &prepared{world: w, rows: make(map[events.Campaign]readmodel.CampaignRows)}
	for _, c := range all {
		rows, err := w.Campaign(b.Context(), c, readmodel.Everything())
		if err != nil {
			b.Fatal(err)
		}
		p.rows[c] = rows
	}
	var err error
	if p.list, err = w.ShopCampaigns(b.Context(), shop, readmodel.Everything()); err != nil {
		b.Fatal(err)
	}
	return p
}

func (p *prepared) Campaign(_ context.Context, c events.Campaign, _ readmodel.Scope) (readmodel.CampaignRows, error) {
	return p.rows[c], nil
}

func (p *prepared) ShopCampaigns(context.Context, events.Shop, readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	return p.list, nil
}

// BenchmarkShared reads rows that another process has put into Redis.
func BenchmarkShared(b *testing.B) {
	w := newWorld()
	w.commit("evt-1")
	at := redisURL(b)
	open := func() *cache.Cache {
		process, err := cache.Open(b.Context(), cache.Config{Inner: w, Shared: share(b, connect(b, at)), Logger: quietLog()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(process.Close)
		return process
	}
	first, second := open(), open()
	read := func(process *cache.Cache) {
		if _, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything()); err != nil {
			b.Fatal(err)
		}
	}
	read(first)
	read(second)
	time.Sleep(cache.DefaultBound / 2)
	b.ReportAllocs()
	for b.Loop() {
		second.Forget("evt-1")
		read(second)
	}
	if got := second.Stats(); got.SharedHits < int64(b.N)/2 {
		b.Errorf("%d of %d reads were served by Redis", got.SharedHits, b.N)
	}
}
