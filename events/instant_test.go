package events_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"jangbu/events"
)

// Times are written as package time writes them, and read back.
func TestInstants(t *testing.T) {
	t.Parallel()
	check := func(t interface{ Errorf(string, ...any) }, at time.Time) {
		want := at.Format(time.RFC3339Nano)
		if got := string(events.AppendInstant([]byte("x"), at)); got != "x"+want {
			t.Errorf("%s is written %s", want, got)
		}
		if got, ok := events.ParseUsualInstant(want); ok != (at.Year() >= 0 && at.Year() <= 9999) || ok && got != at {
			t.Errorf("%s is read as %v, %v", want, got, ok)
		}
	}
	// Every day of a whole turn of the calendar.
	for at, end := time.Date(1600, 1, 1, 23, 59, 59, 1000, time.UTC), time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(end); at = at.AddDate(0, 0, 1) {
		check(t, at)
	}
	for _, at := range []time.Time{
		{},
		time.Unix(0, 0).UTC(), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(0, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(0, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-1, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		check(t, at)
	}
	rapid.Check(t, func(t *rapid.T) {
		nanos := rapid.SampledFrom([]int64{1, 10, 1000, 10_000, 1_000_000, 100_000_000, 1_000_000_000}).Draw(t, "unit") * rapid.Int64Range(0, 999).Draw(t, "units")
		check(t, time.Unix(rapid.Int64Range(-62_167_219_200, 253_402_300_799).Draw(t, "seconds"), nanos%1_000_000_000).UTC())
	})
}

// The fast parser of times accepts what the strict one does, and gives up on some.
func checkInstant(t interface{ Errorf(string, ...any) }, s string) {
	got, ok := events.ParseUsualInstant(s)
	if !ok {
		return
	}
	if want, ok := events.ParseAnyInstant(s); !ok || got != want {
		t.Errorf("%q is read as %v, strictly %v, %v", s, got, want, ok)
	}
}

func TestUsualInstantsAreStrict(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"2026-11-23T10:00:00Z", "2026-11-23T10:00:00.1Z", "2026-11-23T10:00:00.123456789Z", "2026-11-23T10:00:00+09:00", "2026-11-23T10:00:00.5-23:59",
		"2024-02-29T23:59:59+00:00", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2000-02-29T00:00:00Z",
	} {
		if _, ok := events.ParseUsualInstant(s); !ok {
			t.Errorf("%q is not usual", s)
		}
		for i := range len(s) { // each one with one character exchanged, added and left out
			for _, c := range "0123456789:.,+-TtZz\x00" {
				checkInstant(t, s[:i]+string(c)+s[i+1:])
				checkInstant(t, s[:i]+string(c)+s[i:])
			}
			checkInstant(t, s[:i]+s[i+1:])
			checkInstant(t, s[:i])
		}
	}
}

func FuzzInstant(f *testing.F) {
	for _, s := range []string{"2026-11-23T10:00:00Z", "2026-11-23T10:00:00.1234567891Z", "2024-02-29T23:59:59.5+09:00", "2026-11-23t10:00:00z", "0000-01-01T00:00:00+23:59", "2026-11-23T1:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkInstant(t, s) })
}
