package cli

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress shows on Err how far some work has got: on a terminal as a bar, else as a line a
// second. Work that ends within a moment shows nothing. A Progress is used by one goroutine.
type Progress struct {
	Terminal Terminal
	Quiet    bool
	Verb     string // what was done, such as "folded"
	Unit     string // what At counts; empty: positions of the log
	Total    int64

	bar  *bar      // nil: no terminal, or not drawn yet
	told time.Time // when it last printed a line, or At was first called
	from int64     // at that time
}

// At notes the position that the work has reached.
func (p *Progress) At(position int64) {
	now := time.Now()
	switch {
	case p.Quiet, p.Terminal.quiet:
	case p.bar != nil:
		p.bar.one.SetCurrent(position)
	case p.told.IsZero():
		p.told, p.from = now, position
	case p.Terminal.draws():
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
		p.Terminal.Notef("%s %s %d of %d, %.0f/s, %v left", p.Verb, unit, position, p.Total, rate, left)
		p.told, p.from = now, position
	}
}

// End completes the line of the bar. It is called when the work has ended, with an error or
// without, and before anything else is printed.
func (p *Progress) End() {
	if p.bar != nil {
		p.bar.one.Abort(false) // without effect where it is complete
		p.bar.all.Wait()
		p.bar = nil
	}
}

// pace is when work began, and from which position.
type pace struct {
	began time.Time
	from  int64
}

// at returns how fast the work goes, and how long it will take to its end.
func (p pace) at(now time.Time, current, total int64) (perSecond float64, left time.Duration) {
	if took := now.Sub(p.began).Seconds(); took > 0 {
		perSecond = float64(current-p.from) / took
	}
	if perSecond > 0 {
		left = time.Duration(float64(total-current) / perSecond * float64(time.Second)).Round(time.Second)
	}
	return perSecond, left
}

// bar is a progress bar that has its terminal to itself.
type bar struct {
	all *mpb.Progress
	one *mpb.Bar
}

func newBar(w io.Writer, verb string, since pace, total int64) *bar {
	all := mpb.New(mpb.WithOutput(w), mpb.WithWidth(barWidth))
	var took time.Duration // the whole time, once it is complete
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
	// barWidth is the columns of the bar itself; with the numbers beside it a line fits
	// the usual 80.
	barWidth = 25
	// barDelay is how long work goes on before a bar is drawn.
	barDelay = 200 * time.Millisecond
)
