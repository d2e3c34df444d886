package cache_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

const shop events.Shop = "store-1"

// world is a store of rows that remembers all of its past. A campaign's rows hold
// the number of the commit that changed them last, by which they can be dated.
type world struct {
	// delay says how long a read is under way before and after it sees the rows.
	// Nil: no time.
	delay func() (before, after time.Duration)

	tables []*readmodel.Table

	mu      sync.Mutex
	now     readmodel.Revision
	commits []commit
	exist   map[events.Campaign]int64 // the number of the commit that changed each last
	fail    error                     // of every read
	reads   map[events.Campaign]int
	looked  map[events.Campaign]int // reads of the shop of each
	polls   int
}

type commit struct {
	at       time.Time
	revision readmodel.Revision
	changed  []events.Campaign
	gone     []events.Campaign // those of them that do not exist any more
}

func newWorld() *world {
	return &world{
		tables: readmodeltest.Tables(),
		now:    readmodel.Revision{Incarnation: 1_795_435_200_000_000, Position: 1},
		exist:  make(map[events.Campaign]int64),
		reads:  make(map[events.Campaign]int),
		looked: make(map[events.Campaign]int),
	}
}

// commit changes the campaigns and returns the change.
func (w *world) commit(campaigns ...events.Campaign) readmodel.Change {
	return w.become(func(r *readmodel.Revision) { r.Position += 3 }, campaigns...)
}

// become changes the campaigns and the revision.
func (w *world) become(next func(*readmodel.Revision), campaigns ...events.Campaign) readmodel.Change {
	return w.lose(nil, next, campaigns...)
}

// lose changes the campaigns, of which some are no more, and the revision.
func (w *world) lose(gone []events.Campaign, next func(*readmodel.Revision), campaigns ...events.Campaign) readmodel.Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch := readmodel.Change{From: w.now, Campaigns: campaigns}
	next(&w.now)
	ch.To = w.now
	w.commits = append(w.commits, commit{time.Now(), w.now, campaigns, gone})
	for _, c := range campaigns {
		w.exist[c] = int64(len(w.commits))
	}
	for _, c := range gone {
		delete(w.exist, c)
	}
	return ch
}

func (w *world) failing(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

func (w *world) readsOf(c events.Campaign) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads[c]
}

func (w *world) pollCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.polls
}

// version returns the number of the commit that had last changed the campaign; 0
// where none had.
func (w *world) version(c events.Campaign, in func(commit) bool) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, made := range slices.Backward(w.commits) {
		if in(made) && slices.Contains(made.changed, c) {
			return int64(i + 1)
		}
	}
	return 0
}

// before returns the campaign's version as a read may have found it that ended
// before t.
func (w *world) before(c events.Campaign, t time.Time) int64 {
	return w.version(c, func(m commit) bool { return m.at.Before(t) })
}

func (w *world) at(c events.Campaign, r readmodel.Revision) int64 {
	return w.version(c, func(m commit) bool { return m.revision.Compare(r) <= 0 })
}

// lastGone returns the number of the last commit after which the campaign did not
// exist; 0 where it has existed since the first that named it.
func (w *world) lastGone(c events.Campaign) int64 {
	return w.version(c, func(m commit) bool { return slices.Contains(m.gone, c) })
}

func (w *world) read(ctx context.Context, see func()) error {
	var before, after time.Duration
	w.mu.Lock()
	delay := w.delay
	w.mu.Unlock()
	if delay != nil {
		before, after = delay()
	}
	if err := pause(ctx, before); err != nil {
		return err
	}
	w.mu.Lock()
	err := w.fail
	if err == nil {
		see()
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return pause(ctx, after)
}

func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *world) Campaign(ctx context.Context, c events.Campaign, by readmodel.Scope) (rows readmodel.CampaignRows, err error) {
	err = w.read(ctx, func() {
		w.reads[c]++
		if version := w.exist[c]; version > 0 {
			rows = w.rowsOf(c, version)
		}
		rows.Revision = w.now
	})
	if err == nil && (rows.Campaign().Participants == 0 || !by.Allows(*rows.Campaign())) {
		return readmodel.CampaignRows{}, fmt.Errorf("no %q: %w", c, readmodel.ErrNotFound)
	}
	return rows, err
}

func (w *world) ShopOf(ctx context.Context, c events.Campaign) (of events.Shop, err error) {
	err = w.read(ctx, func() {
		w.looked[c]++
		if w.exist[c] > 0 {
			of = shop
		}
	})
	return of, err
}

func (w *world) rowsOf(c events.Campaign, version int64) readmodel.CampaignRows {
	rows := readmodel.NewRows(w.tables...)
	*rows.Campaign(c) = readmodel.CampaignStats{Campaign: c, Known: true, Shop: shop, Title: "가을 경품 이벤트", Participants: version}
	rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"}).Participants = version
	return rows.Of(c)
}

func (w *world) ShopCampaigns(ctx context.Context, of events.Shop, _ readmodel.Scope) (list []readmodel.ShopCampaign, err error) {
	err = w.read(ctx, func() {
		if of != shop {
			return
		}
		for c, version := range w.exist {
			rows := w.rowsOf(c, version)
			list = append(list, readmodel.ShopCampaign{Campaign: *rows.Campaign(), Channels: rows.Channels()})
		}
		slices.SortFunc(list, func(a, b readmodel.ShopCampaign) int {
			return slices.Compare([]byte(a.Campaign.Campaign), []byte(b.Campaign.Campaign))
		})
	})
	return list, err
}

func (w *world) ShopPage(ctx context.Context, of events.Shop, page readmodel.ShopPage, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	list, err := w.ShopCampaigns(ctx, of, by)
	return readmodeltest.Page(list, page), err
}

func (w *world) Revision(ctx context.Context) (r readmodel.Revision, err error) {
	err = w.read(ctx, func() {
		w.polls++
		r = w.now
	})
	return r, err
}
