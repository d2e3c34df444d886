package cache

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// readTimeout bounds one read of the rows.
const readTimeout = 5 * time.Second

// source says where an answer came from.
type source int

const (
	fromProcess source = iota
	fromRedis
	fromRows
)

// shelf holds answers of one kind and reads those that it lacks, each once for all
// who want it at the same moment.
type shelf struct {
	*table
	bound time.Duration
	life  *life
	prove func(*answer) *proof
	// read gets an answer from elsewhere. keep says whether it is read for somebody
	// who wants it here.
	read func(ctx context.Context, name string, keep bool) (*answer, source, error)
	// changed is told of a name whose answer may be another one now.
	changed func(name string)

	mu      sync.Mutex
	flights map[string]*flight // the latest of each name
}

// flight is a read under way.
type flight struct {
	began time.Time
	keep  bool // guarded by shelf.mu: somebody wants the answer here

	done   chan struct{} // closed once the rest is set
	answer *answer
	from   source
	err    error
}

// find returns an answer that is current as of no longer ago than the bound, with
// its age at the given moment, if there is one here.
func (s *shelf) find(name string, begun time.Time) (*slot, *answer, time.Duration) {
	sl := s.get(name)
	if sl == nil {
		return nil, nil, 0
	}
	s.touch(sl, begun)
	a := sl.answer.Load()
	if age := since(begun, s.prove(a).asOf); age <= s.bound {
		return sl, a, age
	}
	return sl, nil, 0
}

// fetch reads an answer for a call that began at the given moment. The caller's
// context ends its wait, not the read.
func (s *shelf) fetch(ctx context.Context, name string, begun time.Time) (*answer, source, error) {
	for {
		// A read that began earlier will do, but not one so early that what it saw
		// may be too old for this call.
		f, ours := s.join(name, true, func(f *flight) bool { return since(begun, f.began) <= s.bound })
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("read %q: %w", name, ctx.Err())
		}
		if f.err != nil {
			return nil, 0, f.err
		}
		if ours || since(begun, s.prove(f.answer).asOf) <= s.bound {
			return f.answer, f.from, nil
		}
		// It came from Redis and was judged before this call began.
	}
}

// refresh reads an answer anew, whoever is reading it already, and keeps it where
// the name is known.
func (s *shelf) refresh(name string, keep bool) error {
	f, _ := s.join(name, keep, func(*flight) bool { return false })
	<-f.done
	return f.err
}

// join returns the read under way if it will do, else begins one of its own.
func (s *shelf) join(name string, keep bool, does func(*flight) bool) (f *flight, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[name]; f != nil && does(f) {
		f.keep = f.keep || keep
		return f, false
	}
	f = &flight{began: time.Now(), keep: keep, done: make(chan struct{})}
	if !s.life.begin(func(ctx context.Context) { s.fly(ctx, name, f) }) {
		f.err = ErrClosed
		close(f.done)
		return f, true
	}
	s.flights[name] = f
	return f, true
}

func (s *shelf) fly(ctx context.Context, name string, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	keep := s.kept(f)
	if sl := s.get(name); sl != nil {
		sl.asked.Store(false) // what changes from now on is to be read again
	}
	a, from, err := s.read(ctx, name, keep)
	changed := false
	if err == nil {
		a, changed = s.put(a, time.Now(), s.kept(f))
	}
	s.mu.Lock()
	if s.flights[name] == f {
		delete(s.flights, name)
	}
	s.mu.Unlock()
	f.answer, f.from, f.err = a, from, err
	close(f.done)
	if changed {
		s.changed(name)
	}
}

func (s *shelf) kept(f *flight) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.keep
}
