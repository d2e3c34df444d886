package eventstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"jangbu/events"
)

// testManyWriters lets writers on several handles append the same events in
// different orders while readers follow (I1, I2).
func testManyWriters(t *testing.T, a Adapter) {
	const handles, writers, readers, size = 3, 6, 3, 240

	rule(t, a, "no gap, no skip, no reuse", func(t *testing.T, s Store) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var logs []events.Log
		for range handles {
			logs = append(logs, s.Open(t))
		}
		var drafts []events.Draft
		for n := range size {
			drafts = append(drafts, registration(events.Campaign(fmt.Sprintf("c-%d", n%7)), n))
		}

		failed := make(chan error, writers+readers)
		for w := range writers {
			go func() { failed <- appendShuffled(ctx, logs[w%handles], drafts, rand.New(rand.NewPCG(seed, uint64(w)))) }()
		}
		seen := make([][]events.Recorded, readers)
		for r := range readers {
			go func() {
				var err error
				seen[r], err = follow(ctx, logs[(r+1)%handles], size, rand.New(rand.NewPCG(seed, uint64(writers+r))))
				failed <- err
			}()
		}
		for range writers + readers {
			if err := <-failed; err != nil {
				t.Error(err)
				cancel() // ends the others before the deadline
			}
		}
		if t.Failed() {
			return
		}

		identities := map[string]bool{}
		for i, r := range seen[0] {
			if r.Position != events.Position(i+1) {
				t.Fatalf("position %d in the place of %d", r.Position, i+1)
			}
			identities[string(r.Event.Subject())+r.ID.String()] = true
		}
		if len(identities) != size {
			t.Errorf("%d identities in %d events", len(identities), size)
		}
		for r := 1; r < readers; r++ {
			if diff := diffRecorded(seen[0], seen[r]); diff != "" {
				t.Errorf("readers 0 and %d saw different logs:\n%s", r, diff)
			}
		}
		wantTotals(t, logs[0], events.Totals{Head: size, Received: writers * size, Duplicates: (writers - 1) * size})
	})
}

// appendShuffled appends all drafts in an order of its own, in batches of 1 to 40.
func appendShuffled(ctx context.Context, log events.Log, drafts []events.Draft, random *rand.Rand) error {
	drafts = append([]events.Draft(nil), drafts...)
	random.Shuffle(len(drafts), func(i, j int) { drafts[i], drafts[j] = drafts[j], drafts[i] })
	for len(drafts) > 0 {
		n := min(1+random.IntN(40), len(drafts))
		receipt, err := log.Append(ctx, drafts[:n])
		if err != nil {
			return fmt.Errorf("append: %w", err)
		}
		for _, o := range receipt.Outcomes {
			if o != events.Appended && o != events.Duplicate {
				return fmt.Errorf("outcome %v of an event that all writers agree on", o)
			}
		}
		drafts = drafts[n:]
	}
	return nil
}

// follow reads until it has seen size events. After every step it reads again a
// range that it has read before, which must not have changed.
func follow(ctx context.Context, log events.Log, size int, random *rand.Rand) ([]events.Recorded, error) {
	var seen []events.Recorded
	for len(seen) < size {
		last := events.Position(len(seen))
		head, err := log.Wait(ctx, last)
		if err != nil {
			return nil, fmt.Errorf("wait after %d: %w", last, err)
		}
		limit := 1 + random.IntN(100)
		read, err := log.Read(ctx, last, limit)
		if err != nil {
			return nil, fmt.Errorf("read after %d: %w", last, err)
		}
		if want := min(int(head-last), limit); len(read) < want {
			return nil, fmt.Errorf("read %d events after %d with the head at %d", len(read), last, head)
		}
		seen = append(seen, read...)

		from := random.IntN(len(seen))
		again, err := log.Read(ctx, events.Position(from), len(seen)-from)
		if err != nil {
			return nil, fmt.Errorf("read again after %d: %w", from, err)
		}
		if diff := diffRecorded(seen[from:], again); diff != "" {
			return nil, fmt.Errorf("the events after %d have changed:\n%s", from, diff)
		}
	}
	if len(seen) != size {
		return nil, errors.New("the log holds more events than were appended")
	}
	return seen, nil
}
