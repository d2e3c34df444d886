package eventstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"jangbu/events"
)

// testSegments tests what a log that is kept in segments must do as if it were one.
func testSegments(t *testing.T, a Adapter) {
	size := max(a.Segment, 50)
	n := 3*size + size/2
	settle := func(t *testing.T, log events.Log) {
		t.Helper()
		if a.Settle != nil {
			a.Settle(t, log)
		}
	}
	// all are n drafts of some campaigns; filled appends them, so that batches end at a border,
	// cross one, or more.
	all := make([]events.Draft, n)
	for i := range all {
		all[i] = registration(events.Campaign(fmt.Sprintf("c-%d", i%3)), i)
	}
	filled := func(t *testing.T, log events.Log) {
		t.Helper()
		for from, i := 0, 0; from < n; i++ {
			to := min(n, from+[]int{size - 1, 1, size/2 + 3, size + size/2, 7}[i%5])
			mustAppend(t, log, all[from:to]...)
			from = to
		}
		settle(t, log)
		wantRecorded(t, mustRead(t, log, 0, n+1), 1, all...)
	}
	repeated := func(o events.Outcome, n int) []events.Outcome {
		same := make([]events.Outcome, n)
		for i := range same {
			same[i] = o
		}
		return same
	}

	rule(t, a, "what any segment holds is a duplicate or a conflict, to this process and another", func(t *testing.T, s Store) {
		log := s.Open(t)
		filled(t, log)
		unlike := make([]events.Draft, n)
		for i := range unlike {
			unlike[i] = changed(all[i])
		}
		other := s.Open(t)
		for _, l := range []events.Log{log, other, s.Open(t)} {
			wantOutcomes(t, mustAppend(t, l, all...), repeated(events.Duplicate, n)...)
			wantOutcomes(t, mustAppend(t, l, unlike...), repeated(events.Conflict, n)...)
			wantOutcomes(t, mustAppend(t, l, all[3]), events.Duplicate)
			settle(t, l)
		}
		wantTotals(t, log, events.Totals{Head: events.Position(n), Received: int64(4*n + 3), Duplicates: int64(3*n + 3)})
		digests, err := other.Digests(t.Context(), []events.Draft{all[0], registration("c-0", n), all[n/2], all[n-1]})
		if err != nil || digests[0] == nil || digests[1] != nil || digests[2] == nil || digests[3] == nil {
			t.Errorf("Digests: %v, %v", digests, err)
		}
	})
	rule(t, a, "new events among known ones of every segment cross a border", func(t *testing.T, s Store) {
		log := s.Open(t)
		filled(t, log)
		var mixed, fresh []events.Draft
		var want []events.Outcome
		for i := range n { // up to two borders
			d := registration("c-0", n+i)
			mixed, fresh = append(mixed, d, all[i], changed(all[(i+size)%n])), append(fresh, d)
			want = append(want, events.Appended, events.Duplicate, events.Conflict)
		}
		mixed, want = append(mixed, fresh[0], changed(fresh[1])), append(want, events.Duplicate, events.Conflict)
		wantOutcomes(t, mustAppend(t, log, mixed...), want...)
		wantRecorded(t, mustRead(t, s.Open(t), 0, 3*n), 1, append(append([]events.Draft{}, all...), fresh...)...)
		settle(t, log)
		mustAppend(t, log, mixed...)
		wantTotals(t, log, events.Totals{Head: events.Position(2 * n), Received: int64(5*n + 2), Duplicates: int64(3*n + 2)})
		checkLinks(t, log)
	})
	rule(t, a, "two processes append the same beside each other", func(t *testing.T, s Store) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		failed := make(chan error, 2)
		for w := range 2 {
			log := s.Open(t)
			go func() { failed <- appendShuffled(ctx, log, all, rand.New(rand.NewPCG(seed, uint64(w)))) }()
		}
		for range 2 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		log := s.Open(t)
		wantTotals(t, log, events.Totals{Head: events.Position(n), Received: int64(2 * n), Duplicates: int64(n)})
		seen := make(map[events.Campaign]map[events.ID]bool)
		for _, r := range mustRead(t, log, 0, n) {
			c := r.Event.Subject()
			if seen[c] == nil {
				seen[c] = make(map[events.ID]bool)
			}
			if seen[c][r.ID] {
				t.Errorf("position %d has the identity of one before", r.Position)
			}
			seen[c][r.ID] = true
		}
		checkLinks(t, log)
	})
	rule(t, a, "a log is restored across borders", func(t *testing.T, s Store) {
		log, past := s.Open(t), restored(1, noon().AddDate(-20, 0, 0), all...)
		mustRestore(t, log, past[:size-1])
		mustRestore(t, log, past[:2*size+1])
		settle(t, log)
		mustRestore(t, s.Open(t), past)
		wantLog(t, log, past)
		last := past[n-1].RecordedAt
		for name, recorded := range map[string][]events.Recorded{
			"an ID of a full segment": restored(events.Position(n+1), last, all[1]),
			"an ID of the last one":   restored(events.Position(n+1), last, all[n-1]),
			"an ID twice":             restored(events.Position(n+1), last, append(registrations("d", 1, 2*size), registration("d", 1))...),
		} {
			wantError(t, name, log.Restore(t.Context(), recorded, 0), events.ErrNotNext)
		}
		wantOutcomes(t, mustAppend(t, log, all...), repeated(events.Duplicate, n)...)
		wantTotals(t, log, events.Totals{Head: events.Position(n), Received: int64(2 * n), Duplicates: int64(n)})
	})
	rule(t, a, "a log that is exchanged under a process is that which it appends to", func(t *testing.T, s Store) {
		log := s.Open(t)
		filled(t, log)
		mustAppend(t, log, registration("c-0", n))
		if err := s.Exec(t.Context(), `DELETE FROM events`, `DELETE FROM links`,
			`UPDATE log_head SET position = 0, received = 0, duplicates = 0, recorded_at = NULL`); err != nil {
			t.Fatal(err)
		}
		others := registrations("another", 1, n)
		mustAppend(t, s.Open(t), others...)
		wantOutcomes(t, mustAppend(t, log, others...), repeated(events.Duplicate, n)...)
		settle(t, log)
		wantOutcomes(t, mustAppend(t, log, append(others, all...)...), append(repeated(events.Duplicate, n), repeated(events.Appended, n)...)...)
		wantRecorded(t, mustRead(t, log, 0, 3*n), 1, append(append([]events.Draft{}, others...), all...)...)
	})
	rule(t, a, "events of a full segment are erased, scrubbed and known under another campaign", func(t *testing.T, s Store) {
		const phone = "010-7777-1009"
		name := func(string) string { return "named" }
		log, other := s.Open(t), s.Open(t)
		mustAppend(t, log, registrations(phone, 1, 4)...)
		filled := append(registrations(phone, 1, 4), all...)
		mustAppend(t, log, all...)
		for _, l := range []events.Log{log, other} {
			mustAppend(t, l, all...)
			settle(t, l)
			wantOutcomes(t, mustAppend(t, l, filled...), repeated(events.Duplicate, n+4)...)
		}
		positions := []events.Position{1, 2, 3, 4}
		if _, err := log.Erasures().Redact(t.Context(), events.Erasure{Campaign: phone, Positions: positions, Who: "me@here", Why: "scan"}, name); err != nil {
			t.Fatal(err)
		}
		mustErase(t, log, "c-0", events.Position(5), events.Position(5+3*(size/2)))
		positions = append(positions, 5, events.Position(5+3*(size/2)))
		if err := log.Erasures().Scrub(t.Context(), positions); err != nil {
			t.Errorf("Scrub: %v", err)
		}
		for _, l := range []events.Log{other, log} {
			for range 2 {
				for i := range 4 {
					d := registration("named", i+1)
					d.Digest = filled[i].Digest
					wantOutcomes(t, mustAppend(t, l, append(all[:n:n], d)...), repeated(events.Duplicate, n+1)...)
				}
				settle(t, l)
			}
		}
		if err := log.Erasures().Compact(t.Context()); err != nil {
			t.Errorf("Compact: %v", err)
		}
		if read := mustRead(t, log, 0, n+10); len(read) != n+4 || !read[4].Erased() {
			t.Errorf("read %d events, want %d", len(read), n+4)
		}
		checkLinks(t, log)
	})
	rule(t, a, "a stream is that of all segments", func(t *testing.T, s Store) {
		log := s.Open(t)
		filled(t, log)
		mustAppend(t, log, description("c-1", "s", 1))
		q := events.Stream{Campaign: "c-1", Limit: size / 4}
		got, last := 0, events.Position(0)
		for {
			page, err := log.ReadStream(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				if r.Position <= last || r.Event.Subject() != "c-1" {
					t.Fatalf("position %d of %s after %d", r.Position, r.Event.Subject(), last)
				}
				last = r.Position
			}
			got += len(page)
			if len(page) < q.Limit {
				break
			}
			q.After = last
		}
		want := 1
		for _, d := range all {
			if d.Event.Subject() == "c-1" {
				want++
			}
		}
		if got != want {
			t.Errorf("the stream has %d events, want %d", got, want)
		}
		if rare, err := log.ReadStream(t.Context(), events.Stream{Campaign: "c-1", Types: events.RareTypes(), Limit: 10}); err != nil || len(rare) != 1 {
			t.Errorf("its descriptions: %v, %v", rare, err)
		}
	})
}

// checkLinks recomputes the chain up to the head.
func checkLinks(t testing.TB, log events.Log) {
	t.Helper()
	var mark events.Mark
	for _, r := range mustRead(t, log, 0, 1<<20) {
		mark = mark.Next(r.Digest)
	}
	if link, ok, err := log.Chain().Link(t.Context(), mark.Position); err != nil || !ok || link != mark.Link {
		t.Errorf("the chain has %v, %v, %v at position %d, want %v", link, ok, err, mark.Position, mark.Link)
	}
}
