package bench

import (
	"fmt"
	"strings"
)

// figures are what each round spent.
type figures struct{ log, rows, bare, obvious []spent }

// benchIngest is the result, as JSON.
type benchIngest struct {
	Registrations   int        `json:"registrations"`
	Campaigns       int        `json:"campaigns"`
	Rounds          int        `json:"rounds"`
	Database        string     `json:"database"`
	EventsPerSecond benchRates `json:"eventsPerSecond"`
	Ratio           struct {
		Log     float64  `json:"log"`     // to bare
		Rows    float64  `json:"rows"`    // to bare
		Obvious float64  `json:"obvious"` // of rows to obvious
		CPU     *float64 `json:"cpu"`     // of rows to bare, with the database; null where that is not known
	} `json:"ratio"`
	// CPUMicrosPerEvent is that of this process alone, while log and rows are written.
	CPUMicrosPerEvent *float64 `json:"cpuMicrosPerEvent"`
	// CPU is by what was measured.
	CPU struct {
		Log     benchCPU `json:"log"`
		Rows    benchCPU `json:"rows"`
		Bare    benchCPU `json:"bare"`
		Obvious benchCPU `json:"obvious"`
	} `json:"cpu"`
	EventsPerTransaction struct {
		Log  float64 `json:"log"`
		Rows float64 `json:"rows"`
	} `json:"eventsPerTransaction"`
	PeakMemoryMiB float64 `json:"peakMemoryMiB"` // of this process, while log and rows are written
	VisibleMs     struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
	} `json:"visibleMs"`
	PacePerSecond float64 `json:"pacePerSecond"` // as the producer kept it
}

type benchRates struct {
	Log     float64 `json:"log"`
	Rows    float64 `json:"rows"`
	Bare    float64 `json:"bare"`
	Obvious float64 `json:"obvious"`
}

// benchCPU is the time of processors an event, in microseconds; null where it is not known.
type benchCPU struct {
	Process  *float64 `json:"process"`
	Database *float64 `json:"database"`
}

// summarise makes figures the medians that are printed.
func (b *ingestBench) summarise(out *benchIngest, all figures) {
	out.Registrations, out.Campaigns, out.Rounds, out.Database = b.Events, b.Campaigns, b.Rounds, "SQLite"
	if b.DatabaseURL != "" {
		out.Database = "PostgreSQL"
	}
	rate := func(of []spent) float64 { return medianOf(of, spent.perSecond) }
	out.EventsPerSecond = benchRates{Log: rate(all.log), Rows: rate(all.rows), Bare: rate(all.bare), Obvious: rate(all.obvious)}
	out.Ratio.Log = out.EventsPerSecond.Log / out.EventsPerSecond.Bare
	out.Ratio.Rows = out.EventsPerSecond.Rows / out.EventsPerSecond.Bare
	out.Ratio.Obvious = out.EventsPerSecond.Rows / out.EventsPerSecond.Obvious
	out.CPU.Log, out.CPU.Rows, out.CPU.Bare, out.CPU.Obvious = cpuOf(all.log), cpuOf(all.rows), cpuOf(all.bare), cpuOf(all.obvious)
	out.CPUMicrosPerEvent = out.CPU.Rows.Process
	if rows, known := out.CPU.Rows.all(b.DatabaseURL != ""); known {
		if bare, known := out.CPU.Bare.all(b.DatabaseURL != ""); known {
			ratio := rows / bare
			out.Ratio.CPU = &ratio
		}
	}
	each := func(s spent) float64 { return float64(b.topics.events) / float64(max(s.transactions, 1)) }
	out.EventsPerTransaction.Log, out.EventsPerTransaction.Rows = medianOf(all.log, each), medianOf(all.rows, each)
	for _, s := range all.rows {
		out.PeakMemoryMiB = max(out.PeakMemoryMiB, s.peakMiB)
	}
}

func cpuOf(all []spent) (c benchCPU) {
	micros := func(of func(spent) float64) *float64 {
		if m := medianOf(all, of); m > 0 {
			return &m
		}
		return nil
	}
	return benchCPU{
		Process:  micros(func(s spent) float64 { return float64(s.process.Microseconds()) / float64(s.events) }),
		Database: micros(func(s spent) float64 { return float64(s.database.Microseconds()) / float64(s.events) }),
	}
}

// all returns the time of both; false where one is not known. A database that is not
// apart has none of its own.
func (c benchCPU) all(apart bool) (micros float64, known bool) {
	if c.Process == nil || apart && c.Database == nil {
		return 0, false
	}
	micros = *c.Process
	if apart {
		micros += *c.Database
	}
	return micros, true
}

func medianOf(all []spent, of func(spent) float64) float64 {
	each := make([]float64, len(all))
	for i, s := range all {
		each[i] = of(s)
	}
	return median(each)
}

// String is the result for people.
func (r benchIngest) String() string {
	var s strings.Builder
	row := func(name string, rate float64, cpu benchCPU, format string, args ...any) {
		fmt.Fprintf(&s, "\n%-9s %10.0f events/s %7s %9s   ", name, rate, shown(cpu.Process), shown(cpu.Database))
		fmt.Fprintf(&s, format, args...)
	}
	fmt.Fprintf(&s, "%d registrations, %d campaigns, %s, medians of %d\n%38s %9s   µs of CPU an event", r.Registrations, r.Campaigns, r.Database, r.Rounds, "process", "database")
	row("log", r.EventsPerSecond.Log, r.CPU.Log, "%.2f of bare, %.0f events a transaction", r.Ratio.Log, r.EventsPerTransaction.Log)
	row("rows", r.EventsPerSecond.Rows, r.CPU.Rows, "%.2f of bare, %.0f events a transaction", r.Ratio.Rows, r.EventsPerTransaction.Rows)
	row("bare", r.EventsPerSecond.Bare, r.CPU.Bare, "the same rows into the same indexes")
	row("obvious", r.EventsPerSecond.Obvious, r.CPU.Obvious, "a transaction a message; rows are %.0f times as fast", r.Ratio.Obvious)
	fmt.Fprintf(&s, "\nvisible   %10.1f ms p50, %.1f ms p99 after it was produced, at %.0f registrations/s", r.VisibleMs.P50, r.VisibleMs.P99, r.PacePerSecond)
	fmt.Fprintf(&s, "\nmemory    %10.0f MiB at most", r.PeakMemoryMiB)
	return s.String()
}

func shown(micros *float64) string {
	if micros == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *micros)
}
