package readmodel

import (
	"math"

	"jangbu/events"
)

// WonOverflow stands for an amount beyond what a [events.Won] holds (I11). It
// is sticky: whatever is computed from it is WonOverflow too, and a [Dashboard]
// shows null for it and for all that depends on it.
const WonOverflow events.Won = math.MaxInt64

// AddWon returns a + b, or [WonOverflow] where that is too much or where a or b
// is WonOverflow. Neither a nor b is negative.
func AddWon(a, b events.Won) events.Won {
	if a > WonOverflow-b {
		return WonOverflow
	}
	return a + b
}

// MulWon returns n times a, or [WonOverflow] where that is too much or where a
// is WonOverflow. Neither a nor n is negative.
func MulWon(a events.Won, n int64) events.Won {
	if a == WonOverflow {
		return WonOverflow
	}
	if n != 0 && a > WonOverflow/events.Won(n) {
		return WonOverflow
	}
	return a * events.Won(n)
}
