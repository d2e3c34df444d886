package readmodel_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

// TestRowsAreAMap compares rows and keys with maps, of campaigns with few rows and with many,
// while rows are added, replaced and removed.
func TestRowsAreAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		rows, keys := newRows(), readmodel.NewKeys(readmodeltest.Tables()...)
		if rapid.Bool().Draw(rt, "many") {
			rows = readmodel.NewManyRows(readmodeltest.Tables()...)
		}
		want, touched := map[readmodel.HourKey]int64{}, map[readmodel.HourKey]bool{}
		campaign := func(label string) events.Campaign {
			return rapid.SampledFrom([]events.Campaign{"evt-1", "evt-10", "이벤트"}).Draw(rt, label)
		}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			c := campaign("campaign")
			first := rapid.IntRange(0, 400).Draw(rt, "first")
			switch n := rapid.IntRange(1, 300).Draw(rt, "n"); rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				for i := range n {
					k := readmodel.HourKey{Campaign: c, Hour: time.Unix(int64(first+i)*1800, 0).UTC()}
					rows.Hour(k).Participants++
					want[k]++
				}
			case 1:
				k := readmodel.HourKey{Campaign: c, Hour: time.Unix(int64(first)*1800, 0).UTC()}
				rows.Put(readmodel.ParticipationHourlyTable(), &readmodel.ParticipationHour{HourKey: k, Participants: int64(n)})
				want[k] = int64(n)
			case 2:
				n := 0
				for k := range want {
					if k.Campaign == c {
						delete(want, k)
						n++
					}
				}
				if taken := rows.Take(c); taken.Len() != n || len(taken.Hours()) != n {
					rt.Fatalf("%d rows of %s taken, %d in all; want %d", len(taken.Hours()), c, taken.Len(), n)
				}
			default:
				for i := range n {
					k := readmodel.HourKey{Campaign: c, Hour: time.Unix(int64(first+i)*1800, 0).UTC()}
					readmodel.Touch[readmodel.ParticipationHour](keys, k)
					touched[k] = true
				}
			}
		}
		same := func(what string, got *readmodel.Rows, want map[readmodel.HourKey]int64) {
			all := map[readmodel.HourKey]int64{}
			for k, row := range got.Hours() {
				all[k] = row.Participants
			}
			if diff := cmp.Diff(want, all); diff != "" || got.Len() != len(want) {
				rt.Fatalf("%s: Len = %d (-want +got):\n%s", what, got.Len(), diff)
			}
		}
		same("rows", rows, want)
		n := 0
		for _, c := range []events.Campaign{"evt-1", "evt-10", "이벤트", "none"} {
			in := rows.In(readmodel.ParticipationHourlyTable(), c)
			for i, row := range in {
				if k := row.(*readmodel.ParticipationHour).HourKey; k.Campaign != c || i > 0 && !in[i-1].(*readmodel.ParticipationHour).Hour.Before(k.Hour) {
					rt.Fatalf("row %d of %d of %s is of %v", i, len(in), c, k)
				}
			}
			n += len(in)
		}
		if n != len(want) {
			rt.Fatalf("%d rows by campaign, want %d", n, len(want))
		}
		found := keys.Room()
		keys.Take(rows, found)
		wanted := map[readmodel.HourKey]int64{}
		for k := range touched {
			if n, there := want[k]; there {
				wanted[k] = n
			}
		}
		same("rows with a key", found, wanted)
		left := map[readmodel.HourKey]bool{}
		for _, all := range keys.All() {
			for _, k := range all {
				left[*k.(*readmodel.HourKey)] = true
			}
		}
		for k := range touched {
			if _, there := want[k]; there == left[k] {
				rt.Fatalf("the key %v is left: %v; it has a row: %v", k, left[k], there)
			}
		}
		if keys.Len() != len(left) || len(left) != len(touched)-len(wanted) {
			rt.Fatalf("%d keys are left, Len = %d; want %d", len(left), keys.Len(), len(touched)-len(wanted))
		}
		for k := range touched { // those without a row are there, once, and the others anew
			readmodel.Touch[readmodel.ParticipationHour](keys, k)
		}
		if keys.Len() != len(touched) {
			rt.Fatalf("%d keys after all were named again, want %d", keys.Len(), len(touched))
		}
		keys.Take(rows, nil)
		if keys.Len() != len(left) {
			rt.Fatalf("%d keys are left after they were dropped, want %d", keys.Len(), len(left))
		}
		found.Hour(readmodel.HourKey{Campaign: "evt-2"}).Participants = 9
		wanted[readmodel.HourKey{Campaign: "evt-2"}] = 9
		sum := newRows()
		sum.Add(rows)
		sum.Add(found)
		maps.Copy(wanted, want)
		same("sum", sum, wanted)
		same("rows, after", rows, want)
	})
}

// TestRowsKeepNoEvent holds that rows of one campaign share one copy of its name, and do not
// keep the text of the event that made them in memory.
func TestRowsKeepNoEvent(t *testing.T) {
	t.Parallel()
	rows := newRows()
	var names []*byte
	for i := range 3 {
		c := events.Campaign(strings.Clone("evt-1"))
		rows.Campaign(c)
		row := rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: fmt.Sprint(i)})
		if unsafe.StringData(string(row.Campaign)) == unsafe.StringData(string(c)) {
			t.Error("the row has the event's own name")
		}
		names = append(names, unsafe.StringData(string(row.Campaign)))
	}
	for _, name := range append(names, unsafe.StringData(string(rows.Campaign("evt-1").Campaign))) {
		if name != names[0] {
			t.Error("rows of one campaign have several copies of its name")
		}
	}
}
