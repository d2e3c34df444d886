package runner

// FoldAtMost makes a rebuild write its rows once it has made more than n in memory, and
// fold the rest of the log into the written rows. 0 changes nothing.
func (r *Runner) FoldAtMost(n int) {
	if n > 0 {
		r.maxRows = n
	}
}

// KeepAtMost makes a leader keep at most n rows.
func (r *Runner) KeepAtMost(n int) { r.hotRows = n }
