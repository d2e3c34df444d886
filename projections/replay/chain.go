package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"jangbu/events"
)

// chainPage is how many stored links are read at a time.
const chainPage = 1_000

// ChainVerified is what [VerifyChain] has recomputed and found.
type ChainVerified struct {
	// Events is how many were read and compared with their digests, and Links how many stored
	// links were compared: those up to the head when the verification began.
	Events, Links int64
	// End is the mark at the end of the log, as recomputed.
	End events.Mark
	// Damages is how many there are; First is the first of them, nil where there is none.
	Damages int
	First   *Damage
}

// Damage is a place where the log is not as it was written.
type Damage struct {
	Position events.Position
	Problem  string // what is wrong there
}

// String returns the damage in one line.
func (d *Damage) String() string { return fmt.Sprintf("position %d: %s", d.Position, d.Problem) }

// ChainConfig says what log to verify, and who is told.
type ChainConfig struct {
	Log events.Log
	// Batch is how many events are read at a time; 0 is a default.
	Batch int
	// Each is called with every damage, by position. Nil calls nothing.
	Each func(Damage)
	// Progress is called with each position that is reached. Nil calls nothing.
	Progress func(at, head events.Position)

	// see is called with every event that is intact.
	see func(*events.Recorded)
}

// VerifyChain reads the whole log, which compares every event with its digest, recomputes
// every link from the digests, and compares it with what is stored (I13). Services may
// append meanwhile. A damage is no error, but [ChainVerified.First].
func VerifyChain(ctx context.Context, cfg ChainConfig) (ChainVerified, error) {
	if cfg.Batch <= 0 {
		cfg.Batch = defaultBatch
	}
	if cfg.Each == nil {
		cfg.Each = func(Damage) {}
	}
	if cfg.Progress == nil {
		cfg.Progress = func(_, _ events.Position) {}
	}
	if cfg.see == nil {
		cfg.see = func(*events.Recorded) {}
	}
	v := chainVerifier{ChainConfig: cfg, asked: math.MinInt64}
	if err := v.verify(ctx); err != nil {
		return v.result, fmt.Errorf("verify the chain: %w", err)
	}
	return v.result, nil
}

type chainVerifier struct {
	ChainConfig
	result ChainVerified
	marks  []events.Mark            // stored links that are not yet compared
	asked  events.Position          // stored links were read up to here
	linked events.Position          // of the last stored link that was compared
	erased map[events.Position]bool // of the records of erasures, as last read
	last   time.Time                // when the event read last was recorded

	// broken says that an event could not be read, so that the next stored link is
	// believed; other is a stored link that differed: either it or End.Link is right,
	// which the next stored link decides.
	broken bool
	other  *events.Link
}

func (v *chainVerifier) verify(ctx context.Context) error {
	// Totals would fail on a log that lost its tail.
	head, err := v.Log.Wait(ctx, -1)
	if err != nil {
		return err
	}
	reading, cancel := context.WithCancel(ctx)
	ahead := aheadReader{log: v.Log}
	defer ahead.wait()
	defer cancel()
	for most := v.Batch; v.result.End.Position < head; {
		after := v.result.End.Position
		n := int(min(events.Position(most), head-after))
		read, err := ahead.read(reading, after, n)
		switch {
		case damaged(err) && n > 1: // which of them it is
			most = n / 2
			continue
		case damaged(err):
			v.damage(after+1, err.Error())
			v.result.End.Position, v.broken = after+1, true
			if err := v.mark(ctx); err != nil {
				return err
			}
		case err != nil:
			return err
		case len(read) == 0:
			v.damage(after+1, "is missing: the log ends before its head")
			return nil
		}
		most = min(2*most, v.Batch)
		if next := after + events.Position(len(read)); len(read) > 0 && next < head {
			ahead.start(reading, next, int(min(events.Position(most), head-next)))
		}
		for i := range read {
			if err := v.event(ctx, &read[i]); err != nil {
				return err
			}
		}
		v.Progress(v.result.End.Position, head)
	}
	return v.end(ctx, head)
}

// aheadReader reads a log in order, the next events while the last ones are looked at.
type aheadReader struct {
	log  events.Log
	next chan aheadRead // nil where nothing is being read
}

type aheadRead struct {
	after events.Position
	n     int
	read  []events.Recorded
	err   error
}

// start begins to read what read is called for next.
func (a *aheadReader) start(ctx context.Context, after events.Position, n int) {
	next := make(chan aheadRead, 1)
	a.next = next
	go func() {
		read, err := a.log.Read(ctx, after, n)
		next <- aheadRead{after, n, read, err}
	}()
}

// read is [events.Log.Read].
func (a *aheadReader) read(ctx context.Context, after events.Position, n int) ([]events.Recorded, error) {
	if a.next != nil {
		got := <-a.next
		if a.next = nil; got.after == after && got.n == n {
			return got.read, got.err
		}
	}
	return a.log.Read(ctx, after, n)
}

// wait returns once nothing is being read.
func (a *aheadReader) wait() {
	if a.next != nil {
		<-a.next
	}
}

// event verifies one event, and the links stored before and at its position.
func (v *chainVerifier) event(ctx context.Context, r *events.Recorded) error {
	problem, err := v.erasure(ctx, r)
	if err == nil && problem == "" {
		problem, err = v.identity(ctx, r)
	}
	if wrong := r.CheckTime(); problem == "" && wrong != nil {
		problem = wrong.Error()
	}
	switch {
	case err != nil:
		return err
	case problem != "":
		v.damage(r.Position, problem)
	case r.RecordedAt.Before(v.last):
		v.damage(r.Position, "it was recorded before the event before it")
	default:
		v.see(r)
	}
	v.last = r.RecordedAt
	v.result.Events++
	if v.other != nil {
		*v.other = v.other.Next(r.Digest)
	}
	v.result.End = v.result.End.Next(r.Digest)
	return v.mark(ctx)
}

// mark compares the stored links up to the event that was read last.
func (v *chainVerifier) mark(ctx context.Context) error {
	for {
		m, err := v.nextMark(ctx)
		end := &v.result.End
		if err != nil || m == nil || m.Position > end.Position {
			return err
		}
		v.marks = v.marks[1:]
		switch {
		case m.Position < end.Position: // not above 0
			v.damage(m.Position, "a link is stored there, where no event is")
			continue
		case v.broken, v.other != nil && m.Link == *v.other:
			end.Link = m.Link
		case m.Link != end.Link:
			v.damage(end.Position, fmt.Sprintf("its link is not that of the events since the link before, up to position %d", end.Position))
			link := m.Link
			v.linked, v.other = end.Position, &link
			continue
		}
		v.broken, v.other, v.linked = false, nil, end.Position
		v.result.Links++
	}
}

// identity returns what is wrong with the event's ID; empty where nothing is.
func (v *chainVerifier) identity(ctx context.Context, r *events.Recorded) (problem string, err error) {
	id, natural := r.NaturalID()
	if !natural || id == r.ID {
		return "", nil
	}
	other, err := v.Log.Digests(ctx, []events.Draft{{ID: id, Event: r.Event}})
	if err != nil || other[0] != nil {
		return "", err
	}
	return "its identity is not that of the registration", nil
}

// erasure returns what is wrong where an event is erased or redacted and no record of an erasure names
// it, or the other way round; empty where nothing is. The two are of one transaction, but
// the event may have been read before it, or the records.
func (v *chainVerifier) erasure(ctx context.Context, r *events.Recorded) (problem string, err error) {
	if v.erased != nil && v.erased[r.Position] == r.Overwritten() {
		return "", nil
	}
	if err := v.readErasures(ctx); err != nil {
		return "", err
	}
	if v.erased[r.Position] && !r.Overwritten() {
		now, err := v.Log.Read(ctx, r.Position-1, 1)
		if err != nil && !damaged(err) {
			return "", err
		}
		if len(now) != 1 || !now[0].Overwritten() {
			return "its person was erased, and it holds one", nil
		}
		return "", nil
	}
	if r.Overwritten() && !v.erased[r.Position] {
		return "it is erased, and no record says by whom", nil
	}
	return "", nil
}

func (v *chainVerifier) readErasures(ctx context.Context) error {
	all, err := v.Log.Erasures().List(ctx, "")
	if err != nil {
		return err
	}
	v.erased = make(map[events.Position]bool)
	for _, e := range all {
		for _, at := range e.Positions {
			v.erased[at] = true
		}
	}
	return nil
}

// nextMark returns the next stored link; nil where there is no other.
func (v *chainVerifier) nextMark(ctx context.Context) (*events.Mark, error) {
	if len(v.marks) == 0 {
		marks, err := v.Log.Chain().Marks(ctx, v.asked, chainPage)
		if err != nil || len(marks) == 0 {
			return nil, err
		}
		v.marks, v.asked = marks, marks[len(marks)-1].Position
	}
	return &v.marks[0], nil
}

// end verifies that the chain ends at the head, and that nothing lies beyond.
func (v *chainVerifier) end(ctx context.Context, head events.Position) error {
	link, ok, err := v.Log.Chain().Link(ctx, head)
	switch {
	case damaged(err):
		v.damage(head, err.Error())
		return nil
	case err != nil:
		return err
	case !ok || link != v.result.End.Link && v.result.Damages == 0:
		v.damage(head, "the log went back during the verification")
		return nil
	case v.linked != head:
		v.damage(head, "the head has no link")
		return nil
	}
	if err := v.account(ctx); err != nil {
		return err
	}
	for {
		m, err := v.nextMark(ctx)
		if err != nil || m == nil {
			return err
		}
		now, err := v.Log.Wait(ctx, -1) // the log may have grown
		if err != nil {
			return err
		}
		if m.Position < 1 || m.Position > now {
			v.damage(m.Position, fmt.Sprintf("a link is stored there, where no event is; the log ends at position %d", now))
			return nil
		}
		v.marks = v.marks[1:]
	}
}

// account verifies the row that every write reads first: that its account adds up (I5), and that
// its time is that of the event at the head.
func (v *chainVerifier) account(ctx context.Context) error {
	totals, err := v.Log.Totals(ctx)
	if damaged(err) {
		v.damage(v.result.End.Position, err.Error())
		return nil
	}
	if err != nil || totals.Head == 0 {
		return err
	}
	read, err := v.Log.Read(ctx, totals.Head-1, 1)
	switch {
	case damaged(err): // it came after the verification began
		v.damage(totals.Head, err.Error())
		return nil
	case err != nil:
		return err
	case len(read) == 1 && !read[0].RecordedAt.Equal(totals.RecordedAt):
		v.damage(totals.Head, fmt.Sprintf("it was recorded at %s, and the head says %s", read[0].RecordedAt.Format(time.RFC3339Nano), totals.RecordedAt.Format(time.RFC3339Nano)))
	}
	return nil
}

// damage records a damage.
func (v *chainVerifier) damage(at events.Position, problem string) {
	d := Damage{Position: at, Problem: problem}
	if v.result.Damages++; v.result.First == nil {
		v.result.First = &d
	}
	v.Each(d)
}

func damaged(err error) bool {
	return errors.Is(err, events.ErrCorrupt) || errors.Is(err, events.ErrGap)
}
