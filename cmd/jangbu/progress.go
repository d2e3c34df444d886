package main

import (
	"cmp"
	"time"

	"jangbu/events"
)

// progress tells on err, once a second, how far along the log some work is, or how
// far along something else that is counted.
type progress struct {
	terminal terminal
	quiet    bool
	verb     string // what was done to the events
	unit     string // what is counted; "position" if empty
	total    events.Position

	told time.Time // when it last spoke, or began
	from events.Position
}

// at is called with the position that the work has got to.
func (p *progress) at(position events.Position) {
	now := time.Now()
	if p.told.IsZero() {
		p.told, p.from = now, position
		return
	}
	took := now.Sub(p.told)
	if p.quiet || took < time.Second {
		return
	}
	rate := float64(position-p.from) / took.Seconds()
	left := time.Duration(0)
	if rate > 0 {
		left = time.Duration(float64(p.total-position) / rate * float64(time.Second)).Round(time.Second)
	}
	p.terminal.complain("%s through %s %d of %d, %.0f/s, %v left", p.verb, cmp.Or(p.unit, "position"), position, p.total, rate, left)
	p.told, p.from = now, position
}
