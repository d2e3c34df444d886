package runner

import (
	"context"
	"errors"
	"time"

	"jangbu/readmodel"
)

const (
	// maxChunks bounds the events of a stretch that is folded while another one is written, in
	// multiples of Config.Batch.
	maxChunks = 5
	// maxStretchRows is how many rows it has at most before another batch is folded onto it:
	// while it is written the lease cannot be renewed.
	maxStretchRows = 60_000
)

// overlap folds the next stretch of what is served while the last one is written. Of rows that
// are being written it changes copies. What is folded onto a write that fails is dropped with it,
// since the term ends.
type overlap struct {
	*leader
	next    *stretch // folded onto writing, or onto what is served
	writing *stretch // nil: none
	written chan error
	began   time.Time // when the write did
	resting bool      // nothing more is folded
	wanted  *step     // is to be taken once all is written
	// advanced says that a write has succeeded.
	advanced bool
}

// stream folds the log into the group's rows, which are served, until it reaches the head, a
// step is to be taken or the history to be compared. Whatever it returns, no write is going on
// then, and no rows wait for one.
func (l *leader) stream(ctx context.Context, g group) (advanced bool, err error) {
	o := &overlap{leader: l, next: newStretch(g.members), written: make(chan error, 1)}
	err = o.run(ctx)
	if o.writing != nil { // its outcome counts all the same
		err = errors.Join(err, o.finish(<-o.written))
	}
	switch {
	case o.wanted == nil:
	case err != nil:
		o.wanted.done <- err
	default:
		l.take(ctx, *o.wanted)
	}
	return o.advanced, err
}

func (o *overlap) run(ctx context.Context) error {
	for {
		o.resting = o.resting || o.wanted != nil || !time.Now().Before(o.check)
		more, err := o.fold(ctx)
		if err != nil {
			return err
		}
		switch full := !o.hasRoom(); {
		case o.writing == nil && o.next.events == 0:
			return nil
		case o.writing == nil && (more || full || o.resting || !time.Now().Before(o.due)):
			o.write(ctx)
		case o.writing != nil && more && !full:
			select {
			case err := <-o.written:
				if err := o.finish(err); err != nil {
					return err
				}
			default: // folds on
			}
		default:
			if err := o.wait(ctx); err != nil {
				return err
			}
		}
	}
}

func (o *overlap) hasRoom() bool {
	s := o.next
	return s.events == 0 || s.events <= (maxChunks-1)*o.cfg.Batch && s.rows.Len() < maxStretchRows && !s.removes
}

// fold folds the next events, if there are any and the stretch has room for them. It reports
// whether there may be more at once.
func (o *overlap) fold(ctx context.Context) (more bool, err error) {
	if o.resting || !o.hasRoom() || o.writing != nil && o.writing.removes {
		return false, nil
	}
	batch, err := o.read(ctx, o.next.to, o.cfg.Batch)
	if err != nil {
		return false, err
	}
	more = len(batch) == o.cfg.Batch
	o.behind.Store(more)
	if len(batch) == 0 {
		return false, nil
	}
	return more, o.extend(ctx, o.next, batch, o.load)
}

// load returns copies of the rows that are being written, and the others as the leader has them.
func (o *overlap) load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	if o.writing == nil {
		return o.hot.load(ctx, at, keys)
	}
	shared := keys.Room()
	keys.Take(o.writing.rows, shared)
	rows := shared.Copy()
	return rows, o.hot.loadInto(ctx, at, keys, rows)
}

// write begins to write what is folded.
func (o *overlap) write(ctx context.Context) {
	s := o.next
	o.writing, o.next, o.began = s, s.after(), time.Now()
	o.next.onto = s.rows
	go func() {
		o.folding.Lock()
		defer o.folding.Unlock()
		var err error
		s.revision, err = o.commit(ctx, s.advances(), s.rows)
		o.written <- err
	}()
}

// finish ends a write. Only from here on is it known to others.
func (o *overlap) finish(err error) error {
	s := o.writing
	o.writing, o.next.onto = nil, nil
	if err != nil {
		return err
	}
	s.move()
	o.cfg.Tail.Release(s.to)
	o.committed(s)
	o.publish()
	o.advanced, o.due = true, time.Now()
	if s.events < o.cfg.Batch {
		o.due = o.due.Add(idleAfter(time.Since(o.began), s.events, s.appends))
	}
	return nil
}

// wait waits until the write has ended, or the next may begin, or for a step of the worker's.
func (o *overlap) wait(ctx context.Context) error {
	timer := time.NewTimer(time.Until(o.due))
	defer timer.Stop()
	due, steps := timer.C, o.steps
	if o.writing != nil {
		due = nil
	}
	if o.wanted != nil {
		steps = nil
	}
	select {
	case err := <-o.written:
		return o.finish(err)
	case s := <-steps:
		o.wanted = &s
	case <-due:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
