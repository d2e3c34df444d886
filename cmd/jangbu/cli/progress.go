package cli

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress tells on err how far along some work is: on a terminal by a bar, else by a
// line a second; nothing of work that is done at once. Work that counts something else
// than positions of the log counts it as if it were one, and says what it is.
type Progress struct {
	Terminal Terminal
	Quiet    bool
	Verb     string // what was done to the events
	Unit     string // what is counted; "": positions
	Total    int64

	bar  *bar      // nil: no terminal, or not drawn yet
	told time.Time // when it last spoke, or was called first
	from int64     // at that time
}

// At is called with the position that the work has got to.
func (p *Progress) At(position int64) {
	now := time.Now()
	switch {
	case p.Quiet:
	case p.bar != nil:
		p.bar.one.SetCurrent(position)
	case p.told.IsZero():
		p.told, p.from = now, position
	case IsTerminal(p.Terminal.Err):
		if now.Sub(p.told) >= barDelay {
			p.bar = newBar(p.Terminal.Err, p.Verb, pace{p.told, p.from}, p.Total)
			p.bar.one.SetCurrent(position)
		}
	case now.Sub(p.told) >= time.Second:
		rate, left := pace{p.told, p.from}.at(now, position, p.Total)
		unit := p.Unit
		if unit == "" {
			unit = "through position"
		}
		p.Terminal.Warnf("%s %s %d of %d, %.0f/s, %v left", p.Verb, unit, position, p.Total, rate, left)
		p.told, p.from = now, position
	}
}

// End leaves the terminal to others. It is called once the work has ended, well or not,
// and before anything else is printed.
func (p *Progress) End() {
	if p.bar != nil {
		p.bar.one.Abort(false) // without effect where it is complete
		p.bar.all.Wait()
		p.bar = nil
	}
}

// pace is since when and where work has gone on.
type pace struct {
	began time.Time
	from  int64
}

// at returns how fast it has gone on, and how long it will take to the end.
func (p pace) at(now time.Time, current, total int64) (perSecond float64, left time.Duration) {
	if took := now.Sub(p.began).Seconds(); took > 0 {
		perSecond = float64(current-p.from) / took
	}
	if perSecond > 0 {
		left = time.Duration(float64(total-current) / perSecond * float64(time.Second)).Round(time.Second)
	}
	return perSecond, left
}

// bar is a progress bar, alone on its terminal.
type bar struct {
	all *mpb.Progress
	one *mpb.Bar
}

func newBar(w io.Writer, verb string, since pace, total int64) *bar {
	all := mpb.New(mpb.WithOutput(w), mpb.WithWidth(barWidth))
	var took time.Duration // in all, once it is complete
	return &bar{all, all.New(total, mpb.BarStyle(),
		mpb.PrependDecorators(decor.Name(verb+" "), decor.CountersNoUnit("%d / %d")),
		mpb.AppendDecorators(decor.NewPercentage("%d", decor.WC{W: 5}), decor.Any(func(s decor.Statistics) string {
			now := time.Now()
			if s.Completed {
				took = cmp.Or(took, now.Sub(since.began)) // it is drawn more than once
				rate, _ := since.at(since.began.Add(took), s.Current, s.Total)
				return fmt.Sprintf("  %.0f/s, %v", rate, took.Round(10*time.Millisecond))
			}
			rate, left := since.at(now, s.Current, s.Total)
			return fmt.Sprintf("  %.0f/s, %v left", rate, left)
		})),
	)}
}

const (
	// barWidth is how many columns the bar itself takes: with figures beside it, it
	// fits the usual 80.
	barWidth = 25
	// barDelay is for how long work may go on without a bar.
	barDelay = 200 * time.Millisecond
)
