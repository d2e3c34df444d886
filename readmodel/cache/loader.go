package cache

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// LoadTimeout bounds one load.
const LoadTimeout = 5 * time.Second

// source says where an entry came from.
type source int

const (
	fromProcess source = iota
	fromShared
	fromRows
)

// loader holds entries of one kind and loads those that it lacks, once for all calls
// that want the same one at the same moment.
//
// It merges calls by hand. A call must not wait for a load that began so early that it
// may be too old for it, and x/sync/singleflight does not say when a load began.
type loader struct {
	*slots
	bound      time.Duration
	background *background
	prove      func(*entry) *proof
	// read loads an entry from elsewhere. keep says whether a caller wants it in this
	// process.
	read func(ctx context.Context, name string, keep bool) (*entry, source, error)
	// changed is called with a name whose entry may have changed. Nil ignores it.
	changed func(name string)

	mu    sync.Mutex
	loads map[string]*load // guarded by mu: the latest one of each name under way
}

// load is one under way.
type load struct {
	began time.Time
	keep  atomic.Bool // a caller wants the entry in this process

	done  chan struct{} // closed once the fields below are set
	entry *entry
	from  source
	err   error
}

// find returns an entry that is current as of at most the bound before now, and its age,
// if there is one. It returns the name's slot too.
func (l *loader) find(name string, now time.Time) (*slot, *entry, time.Duration) {
	s := l.get(name)
	if s == nil {
		return nil, nil, 0
	}
	l.touch(s, now)
	e := s.entry.Load()
	if age := Since(now, l.prove(e).asOf); age <= l.bound {
		return s, e, age
	}
	return s, nil, 0
}

// fetch loads an entry for a call that began at the given moment. The caller's context
// ends its wait, not the load. keep says whether the entry is kept in this process.
func (l *loader) fetch(ctx context.Context, name string, begun time.Time, keep bool) (*entry, source, error) {
	for {
		// What a load saw that began too early may be too old for this call.
		ld, ours := l.join(name, keep, func(ld *load) bool { return Since(begun, ld.began) <= l.bound })
		select {
		case <-ld.done:
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("read %q: %w", name, ctx.Err())
		}
		if ld.err != nil {
			return nil, 0, ld.err
		}
		if ours || Since(begun, l.prove(ld.entry).asOf) <= l.bound {
			return ld.entry, ld.from, nil
		}
		// The entry came from the shared level and was proven before this call began.
	}
}

// refresh loads an entry anew, even if another load of it is under way. It replaces the
// one in the name's slot; keep makes a slot where there is none.
func (l *loader) refresh(name string, keep bool) error {
	ld, _ := l.join(name, keep, func(*load) bool { return false })
	<-ld.done
	return ld.err
}

// join returns the load under way if it will do, else a new one.
func (l *loader) join(name string, keep bool, does func(*load) bool) (ld *load, ours bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ld := l.loads[name]; ld != nil && does(ld) {
		if keep {
			ld.keep.Store(true)
		}
		return ld, false
	}
	ld = &load{began: time.Now(), done: make(chan struct{})}
	ld.keep.Store(keep)
	if !l.background.start(func(ctx context.Context) { l.run(ctx, name, ld) }) {
		ld.err = ErrClosed
		close(ld.done)
		return ld, true
	}
	l.loads[name] = ld
	return ld, true
}

func (l *loader) run(ctx context.Context, name string, ld *load) {
	ctx, cancel := context.WithTimeout(ctx, LoadTimeout)
	defer cancel()
	if s := l.get(name); s != nil {
		s.asked.Store(false) // a change from now on needs another load
	}
	e, from, err := l.read(ctx, name, ld.keep.Load())
	changed := false
	if err == nil {
		e, changed = l.put(e, time.Now(), ld.keep.Load())
	}
	l.mu.Lock()
	if l.loads[name] == ld {
		delete(l.loads, name)
	}
	l.mu.Unlock()
	ld.entry, ld.from, ld.err = e, from, err
	close(ld.done)
	if changed && l.changed != nil {
		l.changed(name)
	}
}
