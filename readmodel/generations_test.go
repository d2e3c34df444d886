package readmodel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
)

// oneOfEach returns a row of each table.
func oneOfEach(c events.Campaign) *readmodel.Rows {
	rows := readmodel.NewRows()
	rows.Event(c)
	rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"})
	rows.Hour(readmodel.HourKey{Campaign: c, Hour: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)})
	rows.Profile(readmodel.ProfileKey{Campaign: c, Dimension: readmodel.Gender, Value: "male"})
	return rows
}

func TestGenerationsOfReplace(t *testing.T) {
	t.Parallel()
	at := []readmodel.Checkpoint{
		{Projection: readmodel.EventStatsTable, Generation: 1, Position: 9},
		{Projection: readmodel.ChannelStatsTable, Generation: 2},
		{Projection: readmodel.ParticipationHourlyTable, Generation: 3},
		{Projection: readmodel.ParticipantProfileTable, Generation: 4},
	}
	all := readmodel.Generations{
		readmodel.EventStatsTable: 1, readmodel.ChannelStatsTable: 2, readmodel.ParticipationHourlyTable: 3, readmodel.ParticipantProfileTable: 4,
	}
	for name, rows := range map[string]*readmodel.Rows{"rows": oneOfEach("evt-1"), "no rows": readmodel.NewRows()} {
		got, err := readmodel.GenerationsOfReplace(at, "evt-1", rows)
		if diff := cmp.Diff(all, got); err != nil || diff != "" {
			t.Errorf("%s: error %v, generations (-want +got):\n%s", name, err, diff)
		}
	}
	if got, err := readmodel.GenerationsOfReplace(at[1:2], "evt-1", readmodel.NewRows()); err != nil || len(got) != 1 {
		t.Errorf("one table = %v, %v; want its generation", got, err)
	}

	refused := func(name, want string, at []readmodel.Checkpoint, rows *readmodel.Rows) {
		t.Helper()
		if got, err := readmodel.GenerationsOfReplace(at, "evt-1", rows); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %v, %v; want an error that says %s", name, got, err, want)
		}
	}
	refused("a projection twice", "event_stats is named twice", append(at[:4:4], at[0]), readmodel.NewRows())
	for i, c := range at {
		refused("rows without "+c.Projection, c.Projection, append(at[:i:i], at[i+1:]...), oneOfEach("evt-1"))
	}
	for i, drop := range []func(*readmodel.Rows){
		func(r *readmodel.Rows) { clear(r.Channels); clear(r.Hours); clear(r.Profiles) },
		func(r *readmodel.Rows) { clear(r.Events); clear(r.Hours); clear(r.Profiles) },
		func(r *readmodel.Rows) { clear(r.Events); clear(r.Channels); clear(r.Profiles) },
		func(r *readmodel.Rows) { clear(r.Events); clear(r.Channels); clear(r.Hours) },
	} {
		foreign := oneOfEach("evt-10")
		drop(foreign)
		refused("a foreign row of "+at[i].Projection, `"evt-10"`, at, foreign)
	}
}

func TestRowsSubjectsAndLen(t *testing.T) {
	t.Parallel()
	rows := readmodel.NewRows()
	want := map[events.Campaign]struct{}{}
	check := func(n int) {
		t.Helper()
		if diff := cmp.Diff(want, rows.Subjects()); diff != "" {
			t.Errorf("subjects (-want +got):\n%s", diff)
		}
		if got := rows.Len(); got != n {
			t.Errorf("Len = %d, want %d", got, n)
		}
	}
	check(0)
	for i, c := range []events.Campaign{"evt-1", "이벤트", "", "EVT-1"} { // each has a row of one table
		one := oneOfEach(c)
		switch i {
		case 0:
			rows.Events[c] = one.Event(c)
		case 1:
			for k := range one.Channels {
				rows.Channel(k)
			}
		case 2:
			for k := range one.Hours {
				rows.Hour(k)
			}
		case 3:
			for k := range one.Profiles {
				rows.Profile(k)
			}
		}
		want[c] = struct{}{}
		check(i + 1)
	}
	rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "kakao"})
	check(5)
}
