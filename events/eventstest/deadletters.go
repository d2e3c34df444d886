package eventstest

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
)

func testDeadLetters(t *testing.T, a Adapter) {
	list := func(t *testing.T, log events.Log, q events.DeadLetterQuery) []events.DeadLetter {
		t.Helper()
		letters, err := log.DeadLetters().List(t.Context(), q)
		if err != nil {
			t.Fatalf("DeadLetters: %v", err)
		}
		return letters
	}
	anyOrder := cmpopts.SortSlices(func(a, b events.DeadLetter) bool { return a.Offset < b.Offset })
	anyTime := cmpopts.IgnoreFields(events.DeadLetter{}, "BuriedAt")

	rule(t, a, "a letter comes back as it was, to other handles too", func(t *testing.T, s Store) {
		log := s.Open(t)
		letters := []events.DeadLetter{
			letter(1, events.ReasonMalformed), letter(2, events.ReasonUnknownType), letter(3, events.ReasonConflict),
		}
		letters[2].Detail = ""
		start := time.Now()
		mustBury(t, log, letters...)
		got := list(t, s.Open(t), events.DeadLetterQuery{Limit: 10})
		if diff := cmp.Diff(letters, got, anyOrder, anyTime); diff != "" {
			t.Errorf("letters (-want +got):\n%s", diff)
		}
		for _, d := range got {
			if d.BuriedAt.Sub(start).Abs() > time.Hour || d.BuriedAt.Location() != time.UTC || d.Timestamp.Location() != time.UTC {
				t.Errorf("buried at %v, timestamp %v: want now and UTC", d.BuriedAt, d.Timestamp)
			}
			if d.BuriedAt.Nanosecond()%1000 != 0 {
				t.Errorf("buried at %v: want whole microseconds", d.BuriedAt)
			}
		}
	})
	rule(t, a, "a letter is written whatever its record holds", func(t *testing.T, s Store) {
		log, letters := s.Open(t), extremeLetters()
		whole := cmp.Comparer(bytes.Equal) // byte by byte cmp takes minutes
		for _, d := range letters {
			mustBury(t, log, d) // by itself, so that a failure names it
		}
		mustBury(t, log, letters...)
		wantTotals(t, log, events.Totals{
			Received: 2 * int64(len(letters)), DeadLettered: int64(len(letters)), Duplicates: int64(len(letters)),
		})
		want := make([]events.DeadLetter, len(letters))
		for i, d := range letters {
			want[i] = d.Storable()
			got, err := log.DeadLetters().Get(t.Context(), d.ID)
			if err != nil {
				t.Fatalf("letter %d: %v", i, err)
			}
			if diff := cmp.Diff(want[i], got, anyTime, whole); diff != "" {
				t.Errorf("letter %d (-want +got):\n%s", i, diff)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("letter %d: %v", i, err)
			}
		}
		byID := cmpopts.SortSlices(func(a, b events.DeadLetter) bool { return bytes.Compare(a.ID[:], b.ID[:]) < 0 })
		if diff := cmp.Diff(want, list(t, s.Open(t), events.DeadLetterQuery{Limit: 1000}), byID, anyTime, whole); diff != "" {
			t.Errorf("letters (-want +got):\n%s", diff)
		}
		var order []events.DeadLetter // page by page
		for q := (events.DeadLetterQuery{Limit: 1}); ; q.After = &order[len(order)-1] {
			page, err := log.DeadLetters().Waiting(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			order = append(order, page...)
		}
		if diff := cmp.Diff(want, order, byID, anyTime, whole); diff != "" {
			t.Errorf("letters that wait (-want +got):\n%s", diff)
		}
		ids := make([]events.ID, len(letters))
		for i, d := range letters {
			ids[i] = d.ID
		}
		mustDiscard(t, log, len(letters), ids...)
	})
	rule(t, a, "nothing buried is nothing done", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustBury(t, log)
		wantTotals(t, log, events.Totals{})
	})
	rule(t, a, "a new letter counts as dead-lettered, a known one as duplicate", func(t *testing.T, s Store) {
		log := s.Open(t)
		one, two, three := letter(1, events.ReasonMalformed), letter(2, events.ReasonMalformed), letter(3, events.ReasonConflict)
		mustBury(t, log, one, two, one)
		wantTotals(t, log, events.Totals{Received: 3, DeadLettered: 2, Duplicates: 1})
		mustBury(t, s.Open(t), two, three)
		mustBury(t, log, one)
		wantTotals(t, log, events.Totals{Received: 6, DeadLettered: 3, Duplicates: 3})
		if n := len(list(t, log, events.DeadLetterQuery{Limit: 10})); n != 3 {
			t.Errorf("%d letters, want 3", n)
		}
	})
	rule(t, a, "burying again changes no letter", func(t *testing.T, s Store) {
		log, d := s.Open(t), letter(1, events.ReasonMalformed)
		mustBury(t, log, d)
		first := list(t, log, events.DeadLetterQuery{Limit: 10})
		d.Detail, d.Sealed = "sealed anew", []byte("another nonce")
		mustBury(t, log, d)
		if diff := cmp.Diff(first, list(t, log, events.DeadLetterQuery{Limit: 10})); diff != "" {
			t.Errorf("letters after burying again (-first +now):\n%s", diff)
		}
	})
	rule(t, a, "letters and events share one account", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 3)...)
		mustBury(t, log, letter(1, events.ReasonConflict))
		mustAppend(t, log, registrations("c", 2, 5)...)
		totals := mustTotals(t, log)
		wantTotals(t, log, events.Totals{Head: 5, Received: 8, Duplicates: 2, DeadLettered: 1})
		if totals.Received != int64(totals.Head)+totals.Duplicates+totals.DeadLettered {
			t.Errorf("the account does not add up: %+v", totals)
		}
	})
	rule(t, a, "newest first, by reason, at most the limit", func(t *testing.T, s Store) {
		log := s.Open(t)
		reasons := []events.Reason{events.ReasonMalformed, events.ReasonConflict}
		var want []events.DeadLetter
		for n := range 10 {
			d := letter(n, reasons[n%2])
			mustBury(t, log, d)
			want = append([]events.DeadLetter{d}, want...)
		}
		if diff := cmp.Diff(want[:4], list(t, log, events.DeadLetterQuery{Limit: 4}), anyTime); diff != "" {
			t.Errorf("the newest four (-want +got):\n%s", diff)
		}
		conflicts := []events.DeadLetter{want[0], want[2], want[4]}
		if diff := cmp.Diff(conflicts, list(t, log, events.DeadLetterQuery{Reason: events.ReasonConflict, Limit: 3}), anyTime); diff != "" {
			t.Errorf("the newest three conflicts (-want +got):\n%s", diff)
		}
		if none := list(t, log, events.DeadLetterQuery{Reason: events.ReasonUnknownType, Limit: 3}); len(none) != 0 {
			t.Errorf("letters of a reason that none has: %v", none)
		}
	})
	rule(t, a, "pages join, and a letter that is buried meanwhile is not on the next", func(t *testing.T, s Store) {
		log := s.Open(t)
		for n := range 12 {
			mustBury(t, log, letter(2*n, events.ReasonMalformed), letter(2*n+1, events.ReasonConflict)) // at the same time
		}
		for _, reason := range []events.Reason{"", events.ReasonConflict} {
			whole := list(t, log, events.DeadLetterQuery{Reason: reason, Limit: 100})
			var joined []events.DeadLetter
			q := events.DeadLetterQuery{Reason: reason, Limit: 5}
			for page := list(t, log, q); len(page) > 0; page = list(t, log, q) {
				joined = append(joined, page...)
				q.After = &page[len(page)-1]
				mustBury(t, log, letter(1000+len(joined), events.ReasonConflict))
			}
			if diff := cmp.Diff(whole, joined); diff != "" {
				t.Errorf("reason %q: pages (-whole +joined):\n%s", reason, diff)
			}
		}
	})
	rule(t, a, "one letter is read by its ID", func(t *testing.T, s Store) {
		log, d := s.Open(t), letter(1, events.ReasonConflict)
		mustBury(t, log, letter(0, events.ReasonMalformed), d)
		got, err := log.DeadLetters().Get(t.Context(), d.ID)
		if err != nil {
			t.Fatalf("DeadLetter: %v", err)
		}
		if diff := cmp.Diff(d, got, anyTime); diff != "" {
			t.Errorf("letter (-want +got):\n%s", diff)
		}
		_, err = log.DeadLetters().Get(t.Context(), letter(2, events.ReasonConflict).ID)
		wantError(t, "DeadLetter of none", err, events.ErrNoDeadLetter)
	})
	rule(t, a, "letters are counted by reason, with the first and the last burial", func(t *testing.T, s Store) {
		log := s.Open(t)
		groups, err := log.DeadLetters().Groups(t.Context())
		if err != nil || len(groups) != 0 {
			t.Errorf("groups without a letter: %v, %v", groups, err)
		}
		mustBury(t, log, letter(1, events.ReasonUnknownType), letter(2, events.ReasonMalformed))
		mustBury(t, log, letter(3, events.ReasonMalformed), letter(4, events.ReasonMalformed))
		mustDiscard(t, log, 1, letter(3, "").ID)
		all := list(t, log, events.DeadLetterQuery{Limit: 10})
		want := []events.DeadLetterGroup{
			{Reason: events.ReasonMalformed, Waiting: 2, Discarded: 1, First: all[3].BuriedAt, Last: all[0].BuriedAt},
			{Reason: events.ReasonUnknownType, Waiting: 1, First: all[3].BuriedAt, Last: all[3].BuriedAt},
		}
		if groups, err = log.DeadLetters().Groups(t.Context()); err != nil {
			t.Fatalf("DeadLetterGroups: %v", err)
		}
		if diff := cmp.Diff(want, groups); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
	})
}

// extremeLetters returns letters with the extremes of every field: what a Kafka record can
// carry, and more.
func extremeLetters() []events.DeadLetter {
	var letters []events.DeadLetter
	with := func(change func(*events.DeadLetter)) {
		d := letter(len(letters), events.ReasonMalformed)
		change(&d)
		letters = append(letters, d)
	}
	for _, millis := range []int64{
		0, -1, math.MinInt64, math.MaxInt64, 1_795_392_000_000_000, 1_795_392_000_000_000_000, // a time in micro- and in nanoseconds
	} {
		with(func(d *events.DeadLetter) { d.Timestamp = time.UnixMilli(millis) })
	}
	for _, at := range []time.Time{
		{},
		time.Time{}.Add(-time.Microsecond),
		time.Date(9999, time.December, 31, 23, 59, 59, 999999999, time.UTC),
		time.Date(10000, time.January, 1, 0, 0, 0, 0, time.FixedZone("", 9*60*60)),
		time.Date(294277, time.January, 1, 0, 0, 0, 0, time.UTC), // beyond PostgreSQL's last
		time.Unix(math.MinInt64, 0),
		time.Unix(1<<58, 999_999_999),
	} {
		with(func(d *events.DeadLetter) { d.Timestamp = at })
	}
	for _, partition := range []int32{0, math.MaxInt32, math.MinInt32} {
		with(func(d *events.DeadLetter) { d.Partition = partition })
	}
	for _, offset := range []int64{0, math.MaxInt64, math.MinInt64} {
		with(func(d *events.DeadLetter) { d.Offset = offset })
	}
	for _, reason := range []events.Reason{events.ReasonUnknownType, events.ReasonConflict, events.ReasonKey} {
		with(func(d *events.DeadLetter) { d.Reason = reason })
	}
	for _, text := range []string{
		"", "\x00", "a\x00b", "\xff", "\xed\xa0\x80", "\ufffd\U0010ffff\u202e", `'";--\`, strings.Repeat("가", 64<<10),
	} {
		with(func(d *events.DeadLetter) { d.Detail = text })
	}
	for _, topic := range []string{strings.Repeat("t", 249), "a\x00\xffb"} {
		with(func(d *events.DeadLetter) { d.Topic = topic })
	}
	for _, size := range []int{1, 2 * events.MaxRecordBytes} {
		with(func(d *events.DeadLetter) { d.Sealed = bytes.Repeat([]byte{0}, size) })
	}
	return letters
}
