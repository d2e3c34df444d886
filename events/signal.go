package events

import "sync"

// Signal wakes the goroutines that wait for the log to grow. The zero value is
// ready for use. It is safe for concurrent use.
type Signal struct {
	mu sync.Mutex
	ch chan struct{} // guarded by mu; nil while no goroutine waits
}

// Changed returns a channel that the next Broadcast closes. The caller must
// obtain it before it reads the head, or it may miss an append in between.
func (s *Signal) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Broadcast wakes all waiting goroutines.
func (s *Signal) Broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
