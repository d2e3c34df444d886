package bench

import "time"

// meter reads the clock, and the clocks of the processors as far as it knows them.
type meter struct {
	server int // process that PostgreSQL's others are children of; 0: none on this machine
}

// reading is the clocks at one moment.
type reading struct {
	at                time.Time
	process, database time.Duration // of the processors; 0 where not known
}

func (m meter) read() reading {
	return reading{time.Now(), processCPU(), serverCPU(m.server)}
}

// since returns what was spent on n events since a reading.
func (m meter) since(start reading, n int) spent {
	now := m.read()
	return spent{events: n, took: now.at.Sub(start.at), process: now.process - start.process, database: now.database - start.database}
}

// spent is what a number of events cost.
type spent struct {
	events            int
	took              time.Duration
	process, database time.Duration // of the processors; 0 where not known
	peakMiB           float64
	transactions      int
}

func (s spent) perSecond() float64 { return perSecond(s.events, s.took) }

// add adds what other events cost.
func (s *spent) add(other spent) {
	s.events += other.events
	s.took += other.took
	s.process += other.process
	s.database += other.database
}
