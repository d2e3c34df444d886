package synthetic

import (
	"math"
	"math/rand/v2"
	"slices"
)

// popularity draws campaigns by a Zipf law: the k-th most popular is drawn in proportion
// to 1/k^s.
type popularity struct {
	// through[k] is the share of the first k+1 campaigns, of 2^32. It is an integer,
	// because the last bit of a float may differ between machines.
	through []uint32
}

// newPopularity chooses s such that the most popular of n campaigns has the share hottest,
// at least an even share.
func newPopularity(n int, hottest float64) popularity {
	low, high := 0.0, 64.0 // of 2 campaigns, s = 64 leaves the second nothing
	for range 100 {
		if s := (low + high) / 2; 1/zipfSum(n, s) < hottest {
			low = s
		} else {
			high = s
		}
	}
	weights := make([]float64, n)
	for k := range weights {
		weights[k] = math.Pow(float64(k+1), -low)
	}
	return weighted(weights)
}

// weighted draws in proportion to the weights, of which one is not 0.
func weighted(weights []float64) popularity {
	total, sum := 0.0, 0.0
	for _, w := range weights {
		total += w
	}
	p := popularity{through: make([]uint32, len(weights))}
	for k, w := range weights {
		sum += w
		p.through[k] = uint32(min(math.Round(sum/total*(1<<32)), math.MaxUint32))
	}
	return p
}

func zipfSum(n int, s float64) float64 {
	sum := 0.0
	for k := 1; k <= n; k++ {
		sum += math.Pow(float64(k), -s)
	}
	return sum
}

func (p popularity) draw(rng *rand.Rand) int {
	k, _ := slices.BinarySearch(p.through, rng.Uint32())
	return min(k, len(p.through)-1)
}
