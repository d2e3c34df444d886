package replay

import (
	"context"
	"errors"
	"fmt"
	"math"

	"jangbu/events"
)

// chainPage is how many stored links are read at a time.
const chainPage = 1_000

// ChainVerified is what [VerifyChain] has recomputed and found.
type ChainVerified struct {
	// Events is how many were read: those up to the head when the verification began.
	Events int64
	// End is the mark after the last event that was found intact: the end of the chain
	// where there is no damage.
	End events.Mark
	// First is the first damage by position; nil where there is none.
	First *Damage
}

// Damage is a place where the log is not as it was written.
type Damage struct {
	Position events.Position
	Problem  string // what is wrong there
}

// String returns the damage in one line.
func (d *Damage) String() string { return fmt.Sprintf("position %d: %s", d.Position, d.Problem) }

// VerifyChain reads the whole log, recomputes every event's digest from its stored form and
// every link from the digests, and compares both with what is stored (I13). Services may
// append meanwhile. It calls progress with each position that it reaches. A damage is no
// error, but [ChainVerified.First].
func VerifyChain(ctx context.Context, log events.Log, progress func(at, head events.Position)) (ChainVerified, error) {
	v := chainVerifier{log: log}
	if err := v.verify(ctx, progress); err != nil {
		return v.result, fmt.Errorf("verify the chain: %w", err)
	}
	return v.result, nil
}

type chainVerifier struct {
	log    events.Log
	result ChainVerified
	marks  []events.Mark            // stored links that are not yet compared
	asked  events.Position          // stored links were read up to here
	linked events.Position          // of the last stored link that was compared
	erased map[events.Position]bool // of the records of erasures, as last read
}

func (v *chainVerifier) verify(ctx context.Context, progress func(at, head events.Position)) error {
	// Totals would fail on a log that lost its tail.
	head, err := v.log.Wait(ctx, -1)
	if err != nil {
		return err
	}
	v.asked = math.MinInt64
	for v.result.First == nil && v.result.End.Position < head {
		if err := v.stretch(ctx, head); err != nil {
			return err
		}
		progress(v.result.End.Position, head)
	}
	if v.result.First == nil {
		return v.end(ctx, head)
	}
	return nil
}

// stretch verifies the next events.
func (v *chainVerifier) stretch(ctx context.Context, head events.Position) error {
	after := v.result.End.Position
	read, err := v.log.Read(ctx, after, int(min(defaultBatch, head-after)))
	switch {
	case damaged(err):
		return v.find(ctx, after, head)
	case err != nil:
		return err
	case len(read) == 0:
		v.damage(after+1, "is missing: the log ends before its head")
		return nil
	}
	for i := range read {
		if ok, err := v.event(ctx, &read[i]); err != nil || !ok {
			return err
		}
	}
	return nil
}

// event verifies one event and the links stored before and at its position. It reports
// whether they are intact.
func (v *chainVerifier) event(ctx context.Context, r *events.Recorded) (ok bool, err error) {
	if !r.Intact() {
		v.damage(r.Position, "its digest is not that of the stored event")
		return false, nil
	}
	if problem, err := v.erasure(ctx, r); err != nil || problem != "" {
		v.damage(r.Position, problem)
		return false, err
	}
	v.result.Events++
	end := v.result.End.Next(r.Digest)
	m, err := v.nextMark(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case m == nil || m.Position > end.Position:
	case m.Position < end.Position: // not above 0
		v.damage(m.Position, "a link is stored there, where no event is")
		return false, nil
	case m.Link != end.Link:
		v.damage(end.Position, fmt.Sprintf("its link is not that of the events since the link before, up to position %d", end.Position))
		return false, nil
	default:
		v.marks, v.linked = v.marks[1:], end.Position
	}
	v.result.End = end
	return true, nil
}

// erasure returns what is wrong where an event is erased and no record of an erasure names
// it, or the other way round; empty where nothing is. The two are of one transaction, but
// the event may have been read before it, or the records.
func (v *chainVerifier) erasure(ctx context.Context, r *events.Recorded) (problem string, err error) {
	if v.erased != nil && v.erased[r.Position] == r.Erased() {
		return "", nil
	}
	if err := v.readErasures(ctx); err != nil {
		return "", err
	}
	if v.erased[r.Position] && !r.Erased() {
		now, err := v.log.Read(ctx, r.Position-1, 1)
		if err != nil && !damaged(err) {
			return "", err
		}
		if len(now) != 1 || !now[0].Erased() {
			return "its person was erased, and it holds one", nil
		}
		return "", nil
	}
	if r.Erased() && !v.erased[r.Position] {
		return "it is erased, and no record says by whom", nil
	}
	return "", nil
}

func (v *chainVerifier) readErasures(ctx context.Context) error {
	all, err := v.log.Erasures().List(ctx, "")
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
		marks, err := v.log.Marks(ctx, v.asked, chainPage)
		if err != nil || len(marks) == 0 {
			return nil, err
		}
		v.marks, v.asked = marks, marks[len(marks)-1].Position
	}
	return &v.marks[0], nil
}

// find finds which of the next events cannot be read.
func (v *chainVerifier) find(ctx context.Context, after, head events.Position) error {
	for last := min(after+defaultBatch, head); after < last; after++ {
		read, err := v.log.Read(ctx, after, 1)
		switch {
		case damaged(err):
			v.damage(after+1, err.Error())
			return nil
		case err != nil:
			return err
		case len(read) == 0:
			v.damage(after+1, "is missing: the log ends before its head")
			return nil
		}
		if ok, err := v.event(ctx, &read[0]); err != nil || !ok {
			return err
		}
	}
	return nil
}

// end verifies that the chain ends at the head, and that nothing lies beyond.
func (v *chainVerifier) end(ctx context.Context, head events.Position) error {
	link, ok, err := v.log.Link(ctx, head)
	switch {
	case damaged(err):
		v.damage(head, err.Error())
		return nil
	case err != nil:
		return err
	case !ok || link != v.result.End.Link:
		v.damage(head, "the log went back during the verification")
		return nil
	case v.linked != head:
		v.damage(head, "the head has no link")
		return nil
	}
	for {
		m, err := v.nextMark(ctx)
		if err != nil || m == nil {
			return err
		}
		now, err := v.log.Wait(ctx, -1) // the log may have grown
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

// damage records the first damage.
func (v *chainVerifier) damage(at events.Position, problem string) {
	v.result.First = &Damage{Position: at, Problem: problem}
}

func damaged(err error) bool {
	return errors.Is(err, events.ErrCorrupt) || errors.Is(err, events.ErrGap)
}
