package eventstest

import (
	"slices"
	"testing"
	"time"

	"jangbu/events"
)

// restored returns the events of a log of these drafts: the first at position first,
// recorded at from, each a minute and a microsecond after the previous one.
func restored(first events.Position, from time.Time, drafts ...events.Draft) []events.Recorded {
	all := make([]events.Recorded, len(drafts))
	for i, d := range drafts {
		all[i] = recordedOf(d, first+events.Position(i))
		all[i].RecordedAt = from.Add(time.Duration(i) * (time.Minute + time.Microsecond))
	}
	return all
}

func mustRestore(t testing.TB, log events.Log, recorded []events.Recorded) {
	t.Helper()
	if err := log.Restore(t.Context(), recorded, 0); err != nil {
		t.Fatalf("Restore: %v", err)
	}
}

// wantLog compares all events of the log, including their recording times.
func wantLog(t testing.TB, log events.Log, want []events.Recorded) {
	t.Helper()
	if diff := diffRecorded(want, mustRead(t, log, 0, len(want)+10)); diff != "" {
		t.Errorf("events read (-want +got):\n%s", diff)
	}
}

func testRestore(t *testing.T, a Adapter) {
	past := noon().AddDate(-20, 0, 0)

	rule(t, a, "events come back as they were, when they were recorded too", func(t *testing.T, s Store) {
		log, all := s.Open(t), restored(1, past, samples()...)
		mustRestore(t, log, all[:4])
		mustRestore(t, s.Open(t), all[4:])
		mustRestore(t, log, nil)
		wantLog(t, log, all)
		n := events.Position(len(all))
		wantTotals(t, log, events.Totals{Head: n, Received: int64(n)})
		if got := mustTotals(t, log).RecordedAt; !got.Equal(all[n-1].RecordedAt) {
			t.Errorf("Totals.RecordedAt = %v, want %v", got, all[n-1].RecordedAt)
		}
	})
	rule(t, a, "a restoration that is not at its end keeps all others out", func(t *testing.T, s Store) {
		log, all := s.Open(t), restored(1, past, samples()...)
		whole := events.Position(len(all))
		restore := func(recorded []events.Recorded, whole events.Position) {
			t.Helper()
			if err := log.Restore(t.Context(), recorded, whole); err != nil {
				t.Fatalf("Restore: %v", err)
			}
		}
		unfinished := func() {
			t.Helper()
			totals := mustTotals(t, s.Open(t))
			if wantError(t, "Whole", totals.Whole(), events.ErrUnfinished); totals.Restoring != whole {
				t.Errorf("Totals = %+v, want Restoring %d", totals, whole)
			}
			_, err := s.Open(t).Append(t.Context(), []events.Draft{registration("c", 99)})
			wantError(t, "Append", err, events.ErrUnfinished)
		}
		restore(nil, whole)
		unfinished()
		restore(all[:2], whole)
		unfinished()
		restore(all[:1], 0) // compares, and ends nothing
		unfinished()
		wantLog(t, log, all[:2])
		restore(all[2:], whole)
		wantTotals(t, log, events.Totals{Head: whole, Received: int64(whole)})
		mustAppend(t, log, registration("c", 99))
		restore(nil, whole) // it is beyond
		mustAppend(t, log, registration("c", 100))
	})
	rule(t, a, "many events are one restoration", func(t *testing.T, s Store) {
		log, all := s.Open(t), restored(1, past, registrations("c", 1, 2000)...)
		mustRestore(t, log, all)
		wantLog(t, log, all)
	})
	rule(t, a, "events that the log holds are skipped", func(t *testing.T, s Store) {
		log, all := s.Open(t), restored(1, past, registrations("c", 1, 9)...)
		for _, part := range [][2]int{{0, 3}, {0, 3}, {1, 2}, {0, 6}, {5, 9}, {0, 9}, {8, 9}} {
			mustRestore(t, log, all[part[0]:part[1]])
		}
		wantLog(t, log, all)
		wantTotals(t, log, events.Totals{Head: 9, Received: 9})
	})
	rule(t, a, "appends continue after the restored events", func(t *testing.T, s Store) {
		log, all := s.Open(t), restored(1, past, registrations("c", 1, 3)...)
		mustRestore(t, log, all)
		wantOutcomes(t, mustAppend(t, log, registration("c", 2), registration("c", 4)), events.Duplicate, events.Appended)
		wantRecorded(t, mustRead(t, log, 3, 10), 4, registration("c", 4))
		wantTotals(t, log, events.Totals{Head: 4, Received: 5, Duplicates: 1})
		if err := log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter(1, events.ReasonMalformed)}); err != nil {
			t.Fatalf("Bury: %v", err)
		}
		wantTotals(t, log, events.Totals{Head: 4, Received: 6, Duplicates: 1, DeadLettered: 1})
	})
	rule(t, a, "no later append is recorded before a restored event", func(t *testing.T, s Store) {
		// The log's own clock is behind that of the log the events come from.
		log, all := s.Open(t), restored(1, time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Microsecond), registrations("c", 1, 2)...)
		mustRestore(t, log, all)
		mustAppend(t, log, registration("c", 1)) // a duplicate does not move recorded_at
		mustAppend(t, s.Open(t), registration("c", 3), registration("c", 1))
		read := mustRead(t, log, 2, 10)
		if len(read) != 1 || !read[0].RecordedAt.Equal(all[1].RecordedAt) {
			t.Errorf("appended: %+v, want one recorded at %v", read, all[1].RecordedAt)
		}
		mustRestore(t, log, restored(4, all[1].RecordedAt, registration("c", 4)))
	})
	rule(t, a, "a restoration wakes waiting readers", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustRestore(t, log, restored(1, past, registration("c", 1)))
		told := make(chan error, 1)
		go func() {
			_, err := log.Wait(t.Context(), 1)
			told <- err
		}()
		mustRestore(t, log, restored(2, past, registration("c", 2)))
		if err := <-told; err != nil {
			t.Errorf("Wait: %v", err)
		}
	})
	testUnrestorable(t, a, past)
}

// testUnrestorable restores events that do not continue the log: none is written.
func testUnrestorable(t *testing.T, a Adapter, past time.Time) {
	three := restored(1, past, registrations("c", 1, 3)...)
	next := func(change func(all []events.Recorded)) []events.Recorded {
		all := restored(1, past, registrations("c", 1, 6)...)
		change(all)
		return all
	}
	swap := func(all []events.Recorded, i, j int) {
		all[i].ID, all[j].ID = all[j].ID, all[i].ID
		all[i].Digest, all[j].Digest = all[j].Digest, all[i].Digest
		all[i].Event, all[j].Event = all[j].Event, all[i].Event
	}
	rule(t, a, "events that do not continue the log are refused", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustRestore(t, log, three)
		for name, recorded := range map[string][]events.Recorded{
			"a hole behind the head":            restored(5, past.AddDate(1, 0, 0), registration("c", 5)),
			"a hole among them":                 slices.Delete(next(func([]events.Recorded) {}), 4, 5),
			"a position twice":                  next(func(all []events.Recorded) { all[5].Position = 5 }),
			"a position before the first":       append([]events.Recorded{recordedOf(registration("c", 9), 0)}, three...),
			"another ID":                        next(func(all []events.Recorded) { all[1].ID[0] ^= 1 }),
			"other content":                     next(func(all []events.Recorded) { all[2].Digest[0] ^= 1 }),
			"another pseudonym":                 next(func(all []events.Recorded) { all[2].Digest[31] ^= 1 }),
			"of another campaign":               next(func(all []events.Recorded) { all[0].Event = registration("d", 1).Event }),
			"of another time":                   next(func(all []events.Recorded) { all[0].OccurredAt = all[0].OccurredAt.Add(time.Microsecond) }),
			"recorded at another time":          next(func(all []events.Recorded) { all[1].RecordedAt = all[1].RecordedAt.Add(time.Microsecond) }),
			"another order":                     next(func(all []events.Recorded) { swap(all, 0, 1) }),
			"recorded before the head":          restored(4, three[2].RecordedAt.Add(-time.Microsecond), registration("c", 4)),
			"recorded before the one before":    next(func(all []events.Recorded) { all[5].RecordedAt = all[4].RecordedAt.Add(-time.Microsecond) }),
			"an ID that the log holds":          next(func(all []events.Recorded) { all[5].ID, all[5].Event = all[1].ID, all[1].Event }),
			"an ID twice":                       next(func(all []events.Recorded) { all[5].ID, all[5].Event = all[4].ID, all[4].Event }),
			"an ID that the log holds, at once": restored(4, past.AddDate(1, 0, 0), registration("c", 2)),
		} {
			wantError(t, name, log.Restore(t.Context(), recorded, 0), events.ErrNotNext)
			wantLog(t, log, three)
			wantTotals(t, log, events.Totals{Head: 3, Received: 3})
		}
		mustRestore(t, log, next(func([]events.Recorded) {}))
	})
	rule(t, a, "a log does not begin in the middle", func(t *testing.T, s Store) {
		log := s.Open(t)
		wantError(t, "Restore", log.Restore(t.Context(), three[1:], 0), events.ErrNotNext)
		wantTotals(t, log, events.Totals{})
	})
}
