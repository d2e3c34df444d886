package cache

import (
	"maps"
	"slices"
	"sync"

	"jangbu/events"
)

// watchers are the signals of each watched campaign.
type watchers struct {
	mu sync.Mutex
	of map[string]map[chan struct{}]struct{} // guarded by mu
}

// Watch implements [readmodel.Freshness]. A watched campaign is kept in the process and
// refreshed. One signal comes when it may have changed, when a read may still return the
// old rows, and another when newer ones are here.
func (c *Cache) Watch(campaign events.Campaign) (changed <-chan struct{}, stop func()) {
	name := string(campaign)
	signal := make(chan struct{}, 1)
	c.watchers.add(name, signal)
	notify(c.traffic.wake)
	return signal, sync.OnceFunc(func() { c.watchers.remove(name, signal) })
}

func (w *watchers) add(name string, signal chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[name] == nil {
		w.of[name] = make(map[chan struct{}]struct{})
	}
	w.of[name][signal] = struct{}{}
}

func (w *watchers) remove(name string, signal chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of[name], signal)
	if len(w.of[name]) == 0 {
		delete(w.of, name)
	}
}

// signal signals all watchers of the name and reports whether there are any.
func (w *watchers) signal(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for signal := range w.of[name] {
		notify(signal)
	}
	return len(w.of[name]) > 0
}

func (w *watchers) has(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.of[name]) > 0
}

// names returns what is watched.
func (w *watchers) names() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.of))
}

func (w *watchers) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.of) > 0
}

// notify sends to a channel of capacity 1, unless its last signal was not received yet.
func notify(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
