package readmodel_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
)

// TestWonAgreesWithBigIntegers checks the sums against arithmetic without bounds (I11).
func TestWonAgreesWithBigIntegers(t *testing.T) {
	t.Parallel()
	edges := []int64{0, 1, 2, int64(events.MaxWon), math.MaxInt64 / 2, math.MaxInt64 - 1, math.MaxInt64}
	amount := rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64Min(0))
	rapid.Check(t, func(rt *rapid.T) {
		a, b := amount.Draw(rt, "a"), amount.Draw(rt, "b")
		sum := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		if got := readmodel.AddWon(events.Won(a), events.Won(b)); got != saturated(sum) {
			rt.Fatalf("AddWon(%d, %d) = %d, want %d", a, b, got, saturated(sum))
		}
		want := readmodel.WonOverflow // sticky, even times 0
		if events.Won(a) != readmodel.WonOverflow {
			want = saturated(new(big.Int).Mul(big.NewInt(a), big.NewInt(b)))
		}
		if got := readmodel.MulWon(events.Won(a), b); got != want {
			rt.Fatalf("MulWon(%d, %d) = %d, want %d", a, b, got, want)
		}
	})
}

func TestWonOverflowIsSticky(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, math.MaxInt64} {
		if got := readmodel.AddWon(readmodel.WonOverflow, events.Won(n)); got != readmodel.WonOverflow {
			t.Errorf("AddWon(WonOverflow, %d) = %d", n, got)
		}
		if got := readmodel.AddWon(events.Won(n), readmodel.WonOverflow); got != readmodel.WonOverflow {
			t.Errorf("AddWon(%d, WonOverflow) = %d", n, got)
		}
		if got := readmodel.MulWon(readmodel.WonOverflow, n); got != readmodel.WonOverflow {
			t.Errorf("MulWon(WonOverflow, %d) = %d", n, got)
		}
	}
}

func saturated(n *big.Int) events.Won {
	if !n.IsInt64() {
		return readmodel.WonOverflow
	}
	return events.Won(n.Int64())
}
