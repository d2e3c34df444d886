package runner

import (
	"time"

	"jangbu/events"
)

const (
	// maxIdle bounds for how long new events may wait before they are folded.
	maxIdle = 250 * time.Millisecond
	// minIdle is how long a stretch that took as long is waited after at least: what it would
	// save is not seen, and each commit costs caches a notice.
	minIdle = 5 * time.Millisecond
	// fullAppend is how many events an append has, on average, where the log cannot keep up
	// with the topics: 6,000 and more from twelve partitions, while at half of that rate what
	// comes in during one append is 500.
	fullAppend = 2_000
)

// idleAfter returns how long to wait for more events after a stretch at the head that took a
// time to fold. The longer, the less often hot rows are written, and the more of the database's
// time the log gets.
//
// While the log keeps up with the topics there is time to spare, and events are to be seen
// soon: a fifth of the time is enough to wait. Where it does not, its events are late by what
// waits in the topics, and as long a wait as the fold was makes them all come sooner.
func idleAfter(took time.Duration, events, appends int) time.Duration {
	if events >= appends*fullAppend {
		return min(took, maxIdle)
	}
	return min(max(took/4, min(took, minIdle)), maxIdle)
}

// appendsOf returns in how many appends the log got the events, by when it recorded them.
func appendsOf(batch []events.Recorded) int {
	n := min(len(batch), 1)
	for i := 1; i < len(batch); i++ {
		if !batch[i].RecordedAt.Equal(batch[i-1].RecordedAt) {
			n++
		}
	}
	return n
}
