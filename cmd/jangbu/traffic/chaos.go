package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"jangbu/events/channels/simulator"
)

// orderedFault is a fault that a simulated API was given.
type orderedFault struct {
	API     simulator.API   `json:"api"`
	Fault   simulator.Fault `json:"fault"`             // empty: it works again
	Seconds float64         `json:"seconds,omitempty"` // how long
}

// String is the line for people.
func (f orderedFault) String() string {
	if f.Fault == "" {
		return fmt.Sprintf("           — %s: works again", f.API)
	}
	return fmt.Sprintf("           — %s: %s for %.0fs", f.API, f.Fault, f.Seconds)
}

// chaos lets one simulated API fail again and again until ctx ends: it works for 5 to 20 s,
// then has one fault for 10 to 45 s, in an order that depends on the seed. It calls tell with
// each change.
func chaos(ctx context.Context, simulated *simulator.Simulator, a simulator.API, seed uint64, tell func(orderedFault)) {
	random := rand.New(rand.NewPCG(seed, 0))
	seconds := func(from, to int) time.Duration { return time.Duration(from+random.IntN(to-from+1)) * time.Second }
	for {
		for _, fault := range shuffled(random, outages()) {
			if !pass(ctx, seconds(5, 20)) {
				return
			}
			simulated.Order(a, fault)
			during := seconds(10, 45)
			tell(orderedFault{a, fault, during.Seconds()})
			if !pass(ctx, during) {
				return
			}
			simulated.Order(a, "")
			tell(orderedFault{API: a})
		}
	}
}

// outages returns the faults in which the API reports no figures. A figure that shrinks is
// reported, and so believed and shown.
func outages() []simulator.Fault {
	return slices.DeleteFunc(simulator.Faults(), func(f simulator.Fault) bool { return f == simulator.Shrinking })
}

func shuffled(random *rand.Rand, faults []simulator.Fault) []simulator.Fault {
	random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	return faults
}

// pass waits and reports whether ctx has not ended meanwhile.
func pass(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
