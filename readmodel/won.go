package readmodel

import (
	"math"

	"jangbu/events"
)

// WonOverflow stands for an amount beyond what an [events.Won] holds (I11). All that is
// computed from it is WonOverflow too, and a dashboard shows null for it.
const WonOverflow events.Won = math.MaxInt64

// AddWon returns a + b, or [WonOverflow] where the sum does not fit or a or b is
// WonOverflow. Neither a nor b is negative.
func AddWon(a, b events.Won) events.Won {
	if a > WonOverflow-b {
		return WonOverflow
	}
	return a + b
}

// MulWon returns n times a, or [WonOverflow] where the product does not fit or a is
// WonOverflow. Neither a nor n is negative.
func MulWon(a events.Won, n int64) events.Won {
	if a == WonOverflow {
		return WonOverflow
	}
	if n != 0 && a > WonOverflow/events.Won(n) {
		return WonOverflow
	}
	return a * events.Won(n)
}
