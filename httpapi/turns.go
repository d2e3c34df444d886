package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// maxLooks is how many requests read the past or the log's events at once, half of them of one
	// subject. They read the log, and must not slow down requests about the present.
	maxLooks = 4
	// maxLists is how many lists of campaigns are read at once, half of them of one subject.
	maxLists = 8
	// maxWaiting is how many requests wait for their turn. Of one subject maxListsWaiting wait to
	// read a list, and maxLooksWaiting to look back: a page that shows a campaign's course asks
	// for many moments at once.
	maxWaiting      = 256
	maxListsWaiting = 4
	maxLooksWaiting = 32
	// turnWithin is how long a request waits for its turn.
	turnWithin = 10 * time.Second
)

// turns shares few places among the subjects that ask for them: each has few of them at once, and
// among those that wait they go round. It is safe for concurrent use.
type turns struct {
	each int // of the places, those that one subject may have at once
	most int // of those that wait, those of one subject

	mu      sync.Mutex
	free    int                // guarded by mu
	held    map[string]int     // guarded by mu: places by subject, above 0
	waiting map[string][]*turn // guarded by mu: by subject, in the order in which they came
	next    []string           // guarded by mu: the subjects that wait, in the order of their turns
	all     int                // guarded by mu: how many wait
}

// turn is a request that waits.
type turn struct{ come chan struct{} } // closed once it has a place

func newTurns(places, each, waiting int) *turns {
	return &turns{each: each, most: waiting, free: places, held: make(map[string]int), waiting: make(map[string][]*turn)}
}

// take waits for a place, which leave gives back, once.
func (t *turns) take(ctx context.Context, subject string) (leave func(), err error) {
	mine, err := t.ask(subject)
	if err != nil {
		return nil, err
	}
	patience := time.NewTimer(turnWithin)
	defer patience.Stop()
	select {
	case <-mine.come:
	case <-patience.C:
		err = errOverloaded
	case <-ctx.Done():
		err = ctx.Err()
	}
	leave = sync.OnceFunc(func() { t.leave(subject) })
	if err != nil && !t.forget(subject, mine) {
		leave() // its turn came in the same moment
	}
	if err != nil {
		return nil, err
	}
	return leave, nil
}

// ask returns a turn, which may have come already.
func (t *turns) ask(subject string) (*turn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	queue := t.waiting[subject]
	switch {
	case len(queue) >= t.most:
		return nil, tooMany{time.Second}
	case t.all >= maxWaiting:
		return nil, errOverloaded
	}
	mine := &turn{make(chan struct{})}
	if len(queue) == 0 {
		t.next = append(t.next, subject)
	}
	t.waiting[subject] = append(queue, mine)
	t.all++
	t.admit()
	return mine, nil
}

// admit gives free places to those whose turn it is. It requires mu.
func (t *turns) admit() {
	for i := 0; i < len(t.next) && t.free > 0; {
		subject := t.next[i]
		if t.held[subject] >= t.each {
			i++
			continue
		}
		queue := t.waiting[subject]
		close(queue[0].come)
		t.free--
		t.held[subject]++
		t.remove(subject, 0)
		if len(queue) > 1 { // behind the others
			t.next = append(slices.Delete(t.next, i, i+1), subject)
		}
	}
}

// remove removes a turn of a subject, and the subject with its last one. It requires mu.
func (t *turns) remove(subject string, i int) {
	t.all--
	if t.waiting[subject] = slices.Delete(t.waiting[subject], i, i+1); len(t.waiting[subject]) == 0 {
		delete(t.waiting, subject)
		t.next = slices.DeleteFunc(t.next, func(s string) bool { return s == subject })
	}
}

// forget removes a turn; false where it has come already.
func (t *turns) forget(subject string, mine *turn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting[subject], mine)
	if i < 0 {
		return false
	}
	t.remove(subject, i)
	return true
}

func (t *turns) leave(subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free++
	if t.held[subject]--; t.held[subject] == 0 {
		delete(t.held, subject)
	}
	t.admit()
}
