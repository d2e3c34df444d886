package eventstest

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"jangbu/events"
)

func testRevive(t *testing.T, a Adapter) {
	const (
		none      = events.Outcome(0)
		appended  = events.Appended
		duplicate = events.Duplicate
		conflict  = events.Conflict
	)
	// revivals pairs the letters from 1 on with the drafts.
	revivals := func(drafts ...events.Draft) []events.Revival {
		var all []events.Revival
		for i, d := range drafts {
			all = append(all, events.Revival{Letter: letter(i+1, "").ID, Draft: d})
		}
		return all
	}
	buried := func(t *testing.T, log events.Log, n int) {
		t.Helper()
		var letters []events.DeadLetter
		for i := range n {
			letters = append(letters, letter(i+1, events.ReasonMalformed))
		}
		mustBury(t, log, letters...)
	}
	changed := func(d events.Draft) events.Draft { d.Digest[0] ^= 1; return d }

	rule(t, a, "letters become events in their order, and are letters no more", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 4)
		mustAppend(t, log, d[0])
		buried(t, log, 4)
		wantOutcomes(t, mustRevive(t, s.Open(t), revivals(d[1:]...)...), appended, appended, appended)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d...)
		wantTotals(t, log, events.Totals{Head: 4, Received: 5, DeadLettered: 1})
		if left := waiting(t, log); len(left) != 1 || left[0].ID != letter(4, "").ID {
			t.Errorf("waiting are %v, want the fourth", left)
		}
	})
	rule(t, a, "an event that the log holds makes the letter a duplicate", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 3)
		mustAppend(t, log, d[0])
		buried(t, log, 4)
		wantOutcomes(t, mustRevive(t, log, revivals(d[0], d[1], d[1], d[2])...), duplicate, appended, duplicate, appended)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d...)
		wantTotals(t, log, events.Totals{Head: 3, Received: 5, Duplicates: 2})
		if left := waiting(t, log); len(left) != 0 {
			t.Errorf("waiting are %v, want none", left)
		}
	})
	rule(t, a, "a conflict stays, for that reason", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 2)
		mustAppend(t, log, d[0])
		buried(t, log, 3)
		wantOutcomes(t, mustRevive(t, log, revivals(changed(d[0]), d[1], changed(d[1]))...), conflict, appended, conflict)
		wantTotals(t, log, events.Totals{Head: 2, Received: 4, DeadLettered: 2})
		left := waiting(t, log)
		if len(left) != 2 {
			t.Fatalf("%d letters wait, want 2", len(left))
		}
		for i, draft := range d {
			want := letter(2*i+1, events.ReasonConflict)
			if got := left[i]; got.ID != want.ID || got.Reason != want.Reason || got.Detail != "the log holds event "+draft.ID.String()+" with other content" || string(got.Sealed) != string(want.Sealed) {
				t.Errorf("letter %+v, want reason and detail of a conflict with %s", got, draft.ID)
			}
		}
		wantOutcomes(t, mustRevive(t, log, revivals(changed(d[0]))...), conflict)
		wantTotals(t, log, events.Totals{Head: 2, Received: 4, DeadLettered: 2})
	})
	rule(t, a, "a letter that does not wait is left alone", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 4)
		buried(t, log, 3)
		mustDiscard(t, log, 1, letter(2, "").ID)
		wantOutcomes(t, mustRevive(t, log, revivals(d...)...), appended, none, appended, none)
		wantOutcomes(t, mustRevive(t, s.Open(t), revivals(d...)...), none, none, none, none)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d[0], d[2])
		wantTotals(t, log, events.Totals{Head: 2, Received: 3, DeadLettered: 1, Discarded: 1})
	})
	rule(t, a, "a letter that is named twice is revived once", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 2)
		buried(t, log, 1)
		r := revivals(d[0])[0]
		wantOutcomes(t, mustRevive(t, log, r, r, events.Revival{Letter: r.Letter, Draft: d[1]}), appended, none, none)
		wantTotals(t, log, events.Totals{Head: 1, Received: 1})
	})
	rule(t, a, "nothing revived is nothing done", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustRevive(t, log)
		wantOutcomes(t, mustRevive(t, log, revivals(registration("c", 1))...), none)
		wantTotals(t, log, events.Totals{})
	})
	rule(t, a, "the record of a revived letter, delivered again, is a duplicate", func(t *testing.T, s Store) {
		log, d := s.Open(t), registration("c", 1)
		buried(t, log, 1)
		mustRevive(t, log, revivals(d)...)
		wantOutcomes(t, mustAppend(t, log, d), duplicate)
		wantTotals(t, log, events.Totals{Head: 1, Received: 2, Duplicates: 1})
		buried(t, log, 1) // by a process with an older decoder
		wantTotals(t, log, events.Totals{Head: 1, Received: 3, Duplicates: 1, DeadLettered: 1})
		wantOutcomes(t, mustRevive(t, log, revivals(d)...), duplicate)
		wantTotals(t, log, events.Totals{Head: 1, Received: 3, Duplicates: 2})
	})
	rule(t, a, "digests are those that the log holds", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 3)
		mustAppend(t, log, d[0], d[2])
		other := registration("other", 1) // the same ID
		digests, err := log.Digests(t.Context(), []events.Draft{changed(d[0]), d[1], d[2], other, d[0]})
		if err != nil || len(digests) != 5 {
			t.Fatalf("Digests: %v, %v", digests, err)
		}
		for i, want := range []*events.Digest{&d[0].Digest, nil, &d[2].Digest, nil, &d[0].Digest} {
			if got := digests[i]; (got == nil) != (want == nil) || got != nil && *got != *want {
				t.Errorf("digest %d is %v, want %v", i, got, want)
			}
		}
		if digests, err = log.Digests(t.Context(), nil); err != nil || len(digests) != 0 {
			t.Errorf("Digests of nothing: %v, %v", digests, err)
		}
	})
	rule(t, a, "many at once revive each letter once", func(t *testing.T, s Store) {
		const size, revivers = 120, 6
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		logs := []events.Log{s.Open(t), s.Open(t), s.Open(t)}
		buried(t, logs[0], size)
		failed := make(chan error, revivers)
		for n := range revivers {
			go func() {
				random := rand.New(rand.NewPCG(seed, uint64(n)))
				all := revivals(registrations("c", 1, size)...)
				random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				for len(all) > 0 {
					n := min(1+random.IntN(30), len(all))
					outcomes, err := logs[random.IntN(len(logs))].DeadLetters().Revive(t.Context(), all[:n])
					for _, o := range outcomes {
						if o != appended && o != none {
							err = errors.Join(err, errors.New("a letter is "+o.String()))
						}
					}
					if err != nil {
						failed <- err
						return
					}
					all = all[n:]
				}
				failed <- nil
			}()
		}
		for range revivers {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		wantTotals(t, logs[0], events.Totals{Head: size, Received: size})
	})
	rule(t, a, "a revival cut off at any point is whole or absent", func(t *testing.T, s Store) {
		const size, rounds = 200, 12
		log, other := s.Open(t), s.Open(t)
		all, cut := 0, 0
		for round := range rounds {
			var letters []events.DeadLetter
			var revive []events.Revival
			for i := all; i < all+size; i++ {
				letters = append(letters, letter(i, events.ReasonMalformed))
				revive = append(revive, events.Revival{Letter: letters[i-all].ID, Draft: registration("c", i)})
			}
			mustBury(t, log, letters...)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { _, err := log.DeadLetters().Revive(ctx, revive); done <- err }()
			for range round * 40 { // reads the account until this round cuts
				if head := int(mustTotals(t, other).Head); head != all && head != all+size {
					t.Errorf("the head is at %d while %d letters after %d are revived", head, size, all)
				}
				if len(done) > 0 {
					break
				}
			}
			cancel()
			if err := <-done; err != nil {
				cut++
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Revive cut off: error %v, want the context's", err)
				}
			}
			totals := mustTotals(t, other)
			if left := len(waiting(t, other)); int(totals.Head)+left != all+size || left != 0 && left != size || int(totals.DeadLettered) != left {
				t.Fatalf("%d letters wait, %+v", left, totals)
			}
			mustRevive(t, other, revive...)
			all += size
			wantTotals(t, log, events.Totals{Head: events.Position(all), Received: int64(all)})
		}
		t.Logf("%d of %d revivals were cut off", cut, rounds)
	})
}
