package runner

import (
	"jangbu/events"
	"jangbu/projections/replay"
)

// FoldAtMost makes a rebuild write its rows once it has made more than n in memory, and
// fold the rest of the log into the written rows. 0 changes nothing.
func (r *Runner) FoldAtMost(n int) {
	if n > 0 {
		r.maxRows = n
	}
}

// RebuildUnkeptFrom rebuilds rows for their snapshots where the log has so many events.
func (r *Runner) RebuildUnkeptFrom(n events.Position) { r.leastUnkept = n }

// KeepAtMost makes a leader keep rows of at most so many bytes.
func (r *Runner) KeepAtMost(bytes int) { r.hotBytes = bytes }

// SnapshotEvery takes a snapshot at every so many positions.
func (r *Runner) SnapshotEvery(n events.Position) {
	r.kept = replay.NewSnapshots(r.cfg.Projections, n)
}
