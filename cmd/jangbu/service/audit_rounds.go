package service

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// auditShare bounds the time that audits take to one part in 40.
	auditShare = 40
	// auditSlowest is the most time between two campaigns, and between two attempts after
	// a failure.
	auditSlowest = time.Minute
	// auditStandby is how often a process that does not audit looks whether it should.
	auditStandby = time.Second
	// auditPage is how many names of campaigns, or events of the log, are read at a time.
	auditPage = 1_000
)

// auditRounds looks at every campaign, again and again, so that no two looks at one are
// farther apart than within, if that can be done in one part in auditShare of the time.
// A campaign may be the first of a round and the last of the next, so two rounds fit into
// within.
type auditRounds struct {
	log    events.Log
	rows   readmodel.Store
	within time.Duration
	active func() bool // whether this process is the one that audits
	// look looks at a campaign. It returns for how long to wait before it is called with
	// the same one again; 0 goes on to the next.
	look   func(context.Context, events.Campaign) (again time.Duration)
	now    func() time.Time
	wait   func(context.Context, time.Duration)
	logger *slog.Logger

	began  atomic.Int64 // when the round began, in nanoseconds since 1970; 0 before the first
	looked atomic.Int64 // at how many campaigns

	// The goroutine that runs owns the rest.

	round    *auditRound     // nil between two rounds
	current  events.Campaign // to look at again; empty: the next one
	interval time.Duration   // from one campaign to the next
	last     int64           // how many campaigns the last round looked at
	warned   bool            // in this round, that it takes too long
}

// run looks at campaigns until ctx ends.
func (r *auditRounds) run(ctx context.Context) {
	for ctx.Err() == nil {
		r.wait(ctx, r.step(ctx))
	}
}

// step does one piece of work and returns how long to wait before the next.
func (r *auditRounds) step(ctx context.Context) time.Duration {
	if !r.active() {
		r.round, r.current = nil, "" // what others have looked at is not known
		return auditStandby
	}
	began := r.now()
	rest := r.work(ctx)
	return max(rest, (auditShare-1)*r.now().Sub(began))
}

func (r *auditRounds) work(ctx context.Context) (rest time.Duration) {
	if r.round == nil {
		if err := r.begin(ctx); err != nil {
			return r.failed(ctx, err)
		}
		return 0
	}
	r.warnIfLate(ctx)
	if r.current == "" {
		c, err := r.round.next(ctx)
		if err != nil {
			return r.failed(ctx, err)
		}
		if c == "" {
			r.round, r.last = nil, r.looked.Load()
			return r.untilDue(max(r.last, 1))
		}
		r.current = c
	}
	if again := r.look(ctx, r.current); again > 0 {
		return again
	}
	r.current = ""
	return r.untilDue(r.looked.Add(1))
}

// begin begins a round, and spreads as many campaigns as there seem to be over it.
func (r *auditRounds) begin(ctx context.Context) error {
	totals, err := r.log.Totals(ctx)
	if err != nil {
		return err
	}
	round := newAuditRound(r.log, r.rows, totals.Head)
	served, err := round.count(ctx)
	if err != nil {
		return err
	}
	// A tenth is left for those that come in meanwhile.
	r.interval = min(auditSlowest, r.within/2*9/10/time.Duration(max(served, r.last, 1)))
	r.round, r.current, r.warned = round, "", false
	r.looked.Store(0)
	r.began.Store(r.now().UnixNano())
	return nil
}

// untilDue returns how long it is until the campaign after the first n is due.
func (r *auditRounds) untilDue(n int64) time.Duration {
	return time.Unix(0, r.began.Load()).Add(time.Duration(n) * r.interval).Sub(r.now())
}

// warnIfLate says once in a round that it takes too long.
func (r *auditRounds) warnIfLate(ctx context.Context) {
	elapsed := r.now().Sub(time.Unix(0, r.began.Load()))
	if r.warned || elapsed <= r.within/2 {
		return
	}
	r.warned = true
	would := 2 * elapsed
	if n := r.looked.Load(); n > 0 && r.last > n {
		would = time.Duration(float64(would) * float64(r.last) / float64(n))
	}
	r.logger.LogAttrs(ctx, slog.LevelWarn, "audit: not every campaign is looked at within --audit-within, for that would take more than its share of the time",
		slog.Duration("audit-within", r.within), slog.Duration("would-be", would.Round(time.Second)), slog.Int64("campaigns", r.looked.Load()))
}

// failed says that the campaigns could not be read, and returns when to try again.
func (r *auditRounds) failed(ctx context.Context, err error) time.Duration {
	if ctx.Err() == nil && !errors.Is(err, readmodel.ErrRebuilding) {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "audit: campaigns not read", slog.Any("error", err))
	}
	return auditSlowest
}

// auditRound goes through all campaigns once: those of the log, the one that changed last
// first, and then those that have rows and no event.
type auditRound struct {
	log  events.Log
	rows readmodel.Store

	unread events.Position // the events up to it have not been read
	found  []events.Campaign
	after  events.Campaign // the last name of a page of those that have rows
	ended  bool
	// seen holds hashes of the campaigns that were found: eight bytes of each. Two with one
	// hash are taken for one, in this round: the next one has another seed.
	seen map[uint64]struct{}
	seed maphash.Seed
}

func newAuditRound(log events.Log, rows readmodel.Store, head events.Position) *auditRound {
	return &auditRound{log: log, rows: rows, unread: head, seen: make(map[uint64]struct{}), seed: maphash.MakeSeed()}
}

// next returns the next campaign; none where the round has ended.
func (r *auditRound) next(ctx context.Context) (events.Campaign, error) {
	for len(r.found) == 0 && !r.ended {
		read := r.readNames
		if r.unread > 0 {
			read = r.readLog
		}
		if err := read(ctx); err != nil {
			return "", err
		}
	}
	if len(r.found) == 0 {
		return "", nil
	}
	c := r.found[0]
	r.found = r.found[1:]
	return c, nil
}

// readLog finds campaigns in the last events that have not been read. It leaves out events
// that it cannot read because the log is damaged, lest these end every round, and returns the
// error; where their campaign has rows, it is found by these.
func (r *auditRound) readLog(ctx context.Context) (err error) {
	from := max(r.unread-auditPage, 0)
	var campaigns []events.Campaign
	for at := from; at < r.unread; {
		var read []events.Recorded
		read, err = r.log.Read(ctx, at, int(r.unread-at))
		if err != nil && !errors.Is(err, events.ErrCorrupt) && !errors.Is(err, events.ErrGap) {
			return err
		}
		if len(read) == 0 {
			break // damaged, or the log has gone back
		}
		for i := range read {
			campaigns = append(campaigns, read[i].Event.Subject())
		}
		at = read[len(read)-1].Position
	}
	r.unread = from
	for _, c := range slices.Backward(campaigns) {
		r.find(c)
	}
	return err
}

// readNames finds campaigns in the next page of those that have rows.
func (r *auditRound) readNames(ctx context.Context) error {
	page, err := r.rows.Campaigns(ctx, r.after, auditPage)
	if err != nil {
		return err
	}
	if len(page) == 0 {
		r.ended = true
		return nil
	}
	for _, c := range page {
		r.find(c)
	}
	r.after = page[len(page)-1]
	return nil
}

// find takes note of a campaign, unless it was found before.
func (r *auditRound) find(c events.Campaign) {
	hash := maphash.String(r.seed, string(c))
	if _, ok := r.seen[hash]; !ok {
		r.seen[hash] = struct{}{}
		r.found = append(r.found, c)
	}
}

// count counts the campaigns that have rows.
func (r *auditRound) count(ctx context.Context) (n int64, err error) {
	for after := events.Campaign(""); ; {
		page, err := r.rows.Campaigns(ctx, after, auditPage)
		if err != nil || len(page) == 0 {
			return n, err
		}
		n += int64(len(page))
		after = page[len(page)-1]
	}
}
