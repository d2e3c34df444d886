package httpapi

import (
	"errors"
	"fmt"
	"testing"
)

// TestShares: no subject and no address takes so many streams that none are left to others.
func TestShares(t *testing.T) {
	t.Parallel()
	const most = 1000
	all := func(s *shares, subject, address string) (n int) {
		for {
			if _, err := s.take(party{subject: subject, network: address}); err != nil {
				if _, ok := errors.AsType[tooMany](err); !ok && !errors.Is(err, errOverloaded) {
					t.Fatal(err)
				}
				return n
			}
			n++
		}
	}
	s := newShares(most)
	if n := all(s, "greedy", "10.0.0.1"); n != most/5 {
		t.Errorf("one subject took %d of %d", n, most)
	}
	// The next ones get less, but something.
	for last, i := most/5, 0; i < 5; i++ {
		n := all(s, fmt.Sprint("greedy-", i), fmt.Sprint("10.0.1.", i))
		if n == 0 || n > last {
			t.Errorf("subject %d took %d, the one before %d", i, n, last)
		}
		last = n
	}
	if _, err := s.take(party{subject: "modest", network: "10.0.0.2"}); err != nil {
		t.Errorf("another one: %v", err)
	}
	// One address of many subjects, as a gateway's, gets most of them.
	s, taken := newShares(most), 0
	for i := range most {
		if _, err := s.take(party{subject: fmt.Sprint("s-", i), network: "10.0.0.1"}); err == nil {
			taken++
		}
	}
	if taken != most*4/5 {
		t.Errorf("one address took %d of %d", taken, most)
	}
	if _, err := s.take(party{subject: "modest", network: "10.0.0.2"}); err != nil {
		t.Errorf("another address: %v", err)
	}
	// What is given back is free again, once.
	s = newShares(1)
	leave, err := s.take(party{subject: "a", network: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.take(party{subject: "c", network: "d"}); !errors.Is(err, errOverloaded) {
		t.Errorf("beyond all: %v", err)
	}
	leave()
	leave()
	if s.free != 1 || len(s.held) != 0 {
		t.Errorf("%d free, held %v", s.free, s.held)
	}
}
