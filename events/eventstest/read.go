package eventstest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"jangbu/events"
)

func testRead(t *testing.T, a Adapter) {
	rule(t, a, "a read is bounded by bytes too", func(t *testing.T, s Store) {
		log := s.Open(t)
		var d []events.Draft
		for n := range 7 { // five of 3 MiB go together
			d = append(d, draftOf(fmt.Sprint(n), &events.EventCreated{Campaign: "c", Title: strings.Repeat("가", 1<<20)}))
		}
		d = append(d, draftOf("huge", &events.EventCreated{Campaign: "c", Title: strings.Repeat("x", events.MaxReadBytes+1)}))
		mustAppend(t, log, d...)
		sizes := make(map[events.ID]int)
		for _, draft := range d {
			sizes[draft.ID] = len(events.AppendStored(nil, draft.Event))
		}
		for name, read := range map[string]func(events.Position) ([]events.Recorded, error){
			"Read": func(after events.Position) ([]events.Recorded, error) { return log.Read(t.Context(), after, 100) },
			"ReadStream": func(after events.Position) ([]events.Recorded, error) {
				return log.ReadStream(t.Context(), events.Stream{Campaign: "c", After: after, Limit: 100})
			},
		} {
			var all []events.Recorded
			for calls := 0; len(all) < len(d); calls++ {
				some, err := read(events.Position(len(all)))
				if err != nil || len(some) == 0 || calls > len(d) {
					t.Fatalf("%s after %d: %d events, %v", name, len(all), len(some), err)
				}
				bytes := 0
				for _, r := range some {
					bytes += sizes[r.ID]
				}
				if bytes > events.MaxReadBytes && len(some) > 1 {
					t.Errorf("%s after %d: %d events of %d bytes", name, len(all), len(some), bytes)
				}
				all = append(all, some...)
			}
			wantRecorded(t, all, 1, d...)
		}
	})
	rule(t, a, "a range is what lies after a position, at most the limit", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 10)
		mustAppend(t, log, d...)
		for _, c := range []struct {
			after events.Position
			limit int
			want  []events.Draft
		}{
			{0, 10, d},
			{0, 1, d[:1]},
			{0, 3, d[:3]},
			{3, 4, d[3:7]},
			{9, 1, d[9:]},
			{8, 100, d[8:]},
			{0, math.MaxInt, d},
			{10, 5, nil},
			{11, 5, nil},
			{math.MaxInt64, math.MaxInt, nil},
		} {
			wantRecorded(t, mustRead(t, log, c.after, c.limit), c.after+1, c.want...)
		}
	})
	rule(t, a, "a reader that follows sees all, once", func(t *testing.T, s Store) {
		writer, reader := s.Open(t), s.Open(t)
		d := registrations("c", 1, 30)
		var seen []events.Recorded
		for i := 0; i < len(d); i += 3 {
			mustAppend(t, writer, d[i:i+3]...)
			for {
				read := mustRead(t, reader, events.Position(len(seen)), 2)
				seen = append(seen, read...)
				if len(read) < 2 {
					break
				}
			}
		}
		wantRecorded(t, seen, 1, d...)
	})
}

func testReadStream(t *testing.T, a Adapter) {
	rule(t, a, "a stream is one campaign's events by every bound", func(t *testing.T, s Store) {
		log := s.Open(t)
		for n := 1; n <= 12; n += 2 {
			mustAppend(t, log, registration("even", n+1), registration("odd", n), registration("other", n),
				description("odd", "s", n), withdrawal("even", events.Position(n)))
		}
		mustAppend(t, log, registration("even", 2), registration("odd", 13))
		all := mustRead(t, log, 0, 100)

		var queries []events.Stream
		for _, c := range []events.Campaign{"even", "odd", "none", "eve", ""} {
			for _, limit := range []int{3, 100} {
				for _, after := range []events.Position{0, 2, 7, 99} {
					for _, through := range []events.Position{0, 1, 8} {
						queries = append(queries, events.Stream{Campaign: c, After: after, Through: through, Limit: limit})
						for _, types := range [][]events.Type{
							events.RareTypes(),
							{events.TypeEventCreated},
							{events.TypeEventsWithdrawn},
							{events.TypeParticipantRegistered, events.TypeEventsWithdrawn},
						} {
							queries = append(queries, events.Stream{Campaign: c, After: after, Through: through, Limit: limit, Types: types})
						}
					}
				}
				for _, r := range all {
					queries = append(queries,
						events.Stream{Campaign: c, AsOf: r.RecordedAt, Limit: limit},
						events.Stream{Campaign: c, AsOf: r.RecordedAt, Limit: limit, Types: events.RareTypes()},
						events.Stream{Campaign: c, AsOf: r.RecordedAt.Add(-time.Microsecond), After: 2, Through: 15, Limit: limit})
				}
			}
		}
		for _, q := range queries {
			var want []events.Recorded
			for _, r := range all {
				if r.Event.Subject() == q.Campaign && r.Position > q.After && (q.Through == 0 || r.Position <= q.Through) &&
					(q.AsOf.IsZero() || !r.RecordedAt.After(q.AsOf)) && len(want) < q.Limit &&
					(len(q.Types) == 0 || slices.Contains(q.Types, r.Event.Type())) {
					want = append(want, r)
				}
			}
			got, err := log.ReadStream(t.Context(), q)
			if err != nil {
				t.Fatalf("ReadStream(%+v): %v", q, err)
			}
			if diff := diffRecorded(want, got); diff != "" {
				t.Errorf("ReadStream(%+v) (-want +got):\n%s", q, diff)
			}
		}
	})
	rule(t, a, "a stream of a large campaign is read in pages", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 1000)
		mustAppend(t, log, d...)
		q := events.Stream{Campaign: "c", Limit: 300}
		var seen []events.Recorded
		for {
			page, err := log.ReadStream(t.Context(), q)
			if err != nil {
				t.Fatalf("ReadStream: %v", err)
			}
			seen = append(seen, page...)
			if len(page) < q.Limit {
				break
			}
			q.After = page[len(page)-1].Position
		}
		wantRecorded(t, seen, 1, d...)
	})
}
