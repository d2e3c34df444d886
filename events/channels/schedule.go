package channels

import (
	"errors"
	"fmt"
	"time"
)

// Schedule says how often a campaign's figures are asked for.
type Schedule struct {
	// Youngest is the interval of a campaign that has just been distributed, and
	// the shortest there is. 0: [DefaultYoungest].
	Youngest time.Duration
	// Oldest is the longest interval. 0: [DefaultOldest], or Youngest where
	// that is longer.
	Oldest time.Duration
	// AfterEnd is for how long after its end a campaign is still asked for.
	// 0: [DefaultAfterEnd].
	AfterEnd time.Duration
}

// Defaults of a [Schedule].
const (
	DefaultYoungest = time.Minute
	DefaultOldest   = time.Hour
	DefaultAfterEnd = 7 * 24 * time.Hour
)

// ageIntervals is how many intervals fit into the age of a campaign. A total
// that has grown for so long changes by less than a sixtieth between two looks,
// as long as it does not grow faster than before.
const ageIntervals = 60

// Interval returns the time between two polls at an age, counted from the
// distribution: a sixtieth of it, but no less than Youngest and no more than
// Oldest. By default that is a minute within the first hour, growing to an hour
// after two and a half days.
func (s Schedule) Interval(age time.Duration) time.Duration {
	s = s.withDefaults()
	return min(max(age/ageIntervals, s.Youngest), s.Oldest)
}

// Validate returns an error for what cannot be meant.
func (s Schedule) Validate() error {
	switch {
	case s.Youngest < 0 || s.Oldest < 0 || s.AfterEnd < 0:
		return errors.New("a duration is below 0")
	case s.Youngest > 0 && s.Oldest > 0 && s.Oldest < s.Youngest:
		return fmt.Errorf("the longest interval, %v, is shorter than the shortest, %v", s.Oldest, s.Youngest)
	default:
		return nil
	}
}

func (s Schedule) withDefaults() Schedule {
	if s.Youngest == 0 {
		s.Youngest = DefaultYoungest
	}
	if s.Oldest == 0 {
		s.Oldest = max(DefaultOldest, s.Youngest)
	}
	if s.AfterEnd == 0 {
		s.AfterEnd = DefaultAfterEnd
	}
	return s
}
