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
		unit := p.Unit
		if unit == "" {
			unit = "through position"
		}
		p.Terminal.Notef("%s %s %d of %d, %s", p.Verb, unit, position, p.Total, pace{p.told, p.from}.at(now, position, p.Total))
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

// rate returns how many a second are done.
func (p pace) rate(now time.Time, current int64) float64 {
	return float64(current-p.from) / max(now.Sub(p.began), time.Nanosecond).Seconds()
}

// at says how fast the work goes and, unless it stands, how long it will take to its end.
func (p pace) at(now time.Time, current, total int64) string {
	rate := p.rate(now, current)
	if rate <= 0 {
		return "0/s"
	}
	left := time.Duration(float64(total-current) / rate * float64(time.Second))
	return fmt.Sprintf("%.0f/s, %v left", rate, left.Round(time.Second))
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
				return fmt.Sprintf("  %.0f/s, %v", since.rate(since.began.Add(took), s.Current), took.Round(10*time.Millisecond))
			}
			return "  " + since.at(now, s.Current, s.Total)
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
