package readmodel_test

import (
	"errors"
	"testing"
	"time"

	"jangbu/readmodel"
)

func TestParseMoment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		text, zone string
		want       string // a time in that zone
		position   int64
		err        error
	}{
		{text: "1", position: 1},
		{text: "9223372036854775807", position: 9223372036854775807},
		{text: "2026-11-24T09:00:00+09:00", zone: "Asia/Seoul", want: "2026-11-24T09:00:00+09:00"},
		{text: "2026-11-24T00:00:00.5Z", zone: "Asia/Seoul", want: "2026-11-24T09:00:00.5+09:00"},
		{text: "2026-11-24T12:00:00Z", want: "2026-11-24T12:00:00Z"},
		{text: "0001-01-01T00:00:00Z", want: "0001-01-01T00:00:00.000000001Z"},
		{text: "2026-11-23", zone: "Asia/Seoul", want: "2026-11-23T23:59:59.999999999+09:00"},
		{text: "2024-02-29", zone: "Asia/Seoul", want: "2024-02-29T23:59:59.999999999+09:00"},
		{text: "2026-11-24", zone: "Pacific/Kiritimati", want: "2026-11-24T23:59:59.999999999+14:00"},
		{text: "2026-03-29", zone: "Europe/Berlin", want: "2026-03-29T23:59:59.999999999+02:00"},    // 23 hours
		{text: "2026-10-25", zone: "Europe/Berlin", want: "2026-10-25T23:59:59.999999999+01:00"},    // 25 hours
		{text: "2025-09-06", zone: "America/Santiago", want: "2025-09-06T23:59:59.999999999-04:00"}, // the next has no midnight
		{text: "2025-04-05", zone: "America/Santiago", want: "2025-04-05T23:59:59.999999999-04:00"}, // its last hour is there twice
		{text: "2005-10-29", zone: "America/St_Johns", want: "2005-10-29T23:59:59.999999999-03:30"}, // the next begins, and it goes on
		{text: "2021-10-28", zone: "Asia/Amman", want: "2021-10-28T23:59:59.999999999+03:00"},       // the next has two midnights
		{text: "2011-12-30", zone: "Pacific/Apia", want: "2011-12-29T23:59:59.999999999-10:00"},     // it was left out

		{text: "2026-11-24T12:00:00.1Z", err: readmodel.ErrFuture},
		{text: "2026-11-24", zone: "Asia/Seoul", err: readmodel.ErrFuture}, // it is 21:00 there
		{text: "9999-12-31", zone: "Asia/Seoul", err: readmodel.ErrFuture},
		{text: "", err: readmodel.ErrMoment},
		{text: "0", err: readmodel.ErrMoment},
		{text: "-1", err: readmodel.ErrMoment},
		{text: "9223372036854775808", err: readmodel.ErrMoment},
		{text: "Tuesday", err: readmodel.ErrMoment},
		{text: "2026-11-31", err: readmodel.ErrMoment},
		{text: "2026-11-24 09:00", err: readmodel.ErrMoment},
		{text: "2026-11-24T09:00:00", err: readmodel.ErrMoment},
		{text: "20261124T09", err: readmodel.ErrMoment},
	} {
		zone, err := time.LoadLocation(tc.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readmodel.ParseMoment(tc.text, zone, now)
		if !errors.Is(err, tc.err) || int64(got.Position) != tc.position {
			t.Errorf("%q in %s: position %d, error %v", tc.text, zone, got.Position, err)
		}
		if at := got.At.In(zone).Format(time.RFC3339Nano); tc.want != "" && at != tc.want || tc.want == "" && !got.At.IsZero() {
			t.Errorf("%q in %s: %s, want %q", tc.text, zone, at, tc.want)
		}
	}
}

// TestParseMomentEndsDays walks over the hours around the ends of the days at which clocks were
// turned: none of a day is after its end, and all that is after it is of a later one.
func TestParseMomentEndsDays(t *testing.T) {
	t.Parallel()
	now := time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{
		"Asia/Seoul", "America/Santiago", "America/St_Johns", "Pacific/Apia", "Asia/Tehran", "Asia/Gaza", "America/Havana",
		"Atlantic/Azores", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo", "Asia/Amman", "America/Nuuk", "Africa/Casablanca",
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		turn := time.Date(2000, 1, 1, 0, 0, 0, 0, zone)
		for turn.Year() < 2030 {
			for d := -1; d <= 1; d++ {
				day := turn.AddDate(0, 0, d).Format(time.DateOnly)
				m, err := readmodel.ParseMoment(day, zone, now)
				if err != nil {
					t.Fatal(err)
				}
				if last := m.At.In(zone); last.Format(time.DateOnly) > day {
					t.Errorf("%s in %s ends at %s", day, zone, last)
				}
				for at := m.At.Add(1); at.Before(m.At.Add(30 * time.Hour)); at = at.Add(20 * time.Minute) {
					if at.In(zone).Format(time.DateOnly) <= day {
						t.Errorf("%s in %s ends at %s, and %s is of it", day, zone, m.At.In(zone), at.In(zone))
						break
					}
				}
			}
			if _, turn = turn.ZoneBounds(); turn.IsZero() {
				break // the last one
			}
			turn = turn.In(zone)
		}
	}
}
