package cache

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// refreshers is how many campaigns are refreshed at once.
const refreshers = 4

// refresher refreshes campaigns in the background: each at most once a pause, however
// often it changes, and a few at a time.
type refresher struct {
	pause time.Duration // between two refreshes of one campaign
	most  int           // campaigns that may be waiting
	do    func(name string)
	wake  chan struct{} // the first job that is due has changed

	mu   sync.Mutex
	jobs map[string]*job // guarded by mu
	due  queue           // guarded by mu
}

// job is a campaign that is to be refreshed, or was less than a pause ago. Its fields are
// guarded by refresher.mu.
type job struct {
	name   string
	due    time.Time
	wanted bool
}

func newRefresher(pause time.Duration, most int, do func(name string)) *refresher {
	return &refresher{pause: pause, most: most, do: do, wake: make(chan struct{}, 1), jobs: make(map[string]*job)}
}

// want asks for a refresh after the delay, or a pause after the last one if that is
// later. It returns false where too many campaigns wait already.
func (r *refresher) want(name string, delay time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.jobs[name]; j != nil {
		j.wanted = true
		return true
	}
	if len(r.jobs) >= r.most {
		return false
	}
	j := &job{name: name, due: time.Now().Add(delay), wanted: true}
	r.jobs[name] = j
	heap.Push(&r.due, j)
	if r.due[0] == j {
		notify(r.wake)
	}
	return true
}

// run refreshes campaigns until ctx ends.
func (r *refresher) run(ctx context.Context) {
	names := make(chan string)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer close(names)
	for range refreshers {
		workers.Go(func() {
			for name := range names {
				r.do(name)
			}
		})
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		name, ok, wait := r.next(time.Now())
		if ok {
			select {
			case names <- name:
			case <-ctx.Done():
				return
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
			return
		}
	}
}

// next returns a campaign that is due, or how long to wait for one.
func (r *refresher) next(now time.Time) (name string, ok bool, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.due) > 0 {
		j := r.due[0]
		if wait := j.due.Sub(now); wait > 0 {
			return "", false, wait
		}
		if !j.wanted {
			heap.Pop(&r.due)
			delete(r.jobs, j.name)
			continue
		}
		j.wanted, j.due = false, now.Add(r.pause)
		heap.Fix(&r.due, 0)
		return j.name, true, 0
	}
	return "", false, time.Hour // want wakes run earlier
}

// queue is a heap of jobs by the time at which they are due.
type queue []*job

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, k int) bool { return q[i].due.Before(q[k].due) }
func (q queue) Swap(i, k int)      { q[i], q[k] = q[k], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*job)) }

func (q *queue) Pop() any {
	last := len(*q) - 1
	j := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return j
}
