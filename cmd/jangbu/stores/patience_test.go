package stores_test

import (
	"errors"
	"fmt"
	"testing"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

// TestPatiently: what fails because the database is away is done again, and nothing else is.
func TestPatiently(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	for name, tc := range map[string]struct {
		fails []error
		calls int
		want  error
	}{
		"well":                  {calls: 1},
		"away for a moment":     {fails: []error{fmt.Errorf("read: %w", events.ErrAway)}, calls: 2},
		"wrong":                 {fails: []error{wrong}, calls: 1, want: wrong},
		"away, and wrong after": {fails: []error{events.ErrAway, wrong}, calls: 2, want: wrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			err := stores.Patiently(t.Context(), func() error {
				if calls++; calls <= len(tc.fails) {
					return tc.fails[calls-1]
				}
				return nil
			})
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || calls != tc.calls {
				t.Errorf("called %d times: %v; want %d: %v", calls, err, tc.calls, tc.want)
			}
		})
	}
}
