package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"jangbu/events/channels/simulator"
)

// chaos lets one simulated API fail again and again until ctx ends: some time
// well, then some time with one fault, in an order that depends on the seed.
func chaos(ctx context.Context, t terminal, simulated *simulator.Simulator, a simulator.API, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	seconds := func(from, to int) time.Duration { return time.Duration(from+random.IntN(to-from+1)) * time.Second }
	for {
		for _, fault := range shuffled(random, outages()) {
			if !pass(ctx, seconds(5, 20)) {
				return
			}
			simulated.Order(a, fault)
			during := seconds(10, 45)
			t.say("           — %s: %s for %v", a, fault, during)
			if !pass(ctx, during) {
				return
			}
			simulated.Order(a, "")
			t.say("           — %s: works again", a)
		}
	}
}

// outages are the faults that are no answer. A figure that shrinks is one: it is
// believed, and shown.
func outages() []simulator.Fault {
	return slices.DeleteFunc(simulator.Faults(), func(f simulator.Fault) bool { return f == simulator.Shrinking })
}

func shuffled(random *rand.Rand, faults []simulator.Fault) []simulator.Fault {
	random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	return faults
}

// pass lets time pass and reports whether ctx lasts.
func pass(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
