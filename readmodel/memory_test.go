package readmodel_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
)

func TestRowsServeOneCampaign(t *testing.T) {
	t.Parallel()
	rows := readmodel.NewRows()
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	for _, channel := range []string{"한글", "naver", "Naver"} {
		rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: channel}).Participants = 1
		rows.Channel(readmodel.ChannelKey{Campaign: "evt-2", Channel: channel}).Participants = 9
	}
	for _, hour := range []time.Time{at.Add(time.Hour), at, at.Add(-time.Hour)} {
		rows.Hour(readmodel.HourKey{Campaign: "evt-1", Hour: hour}).Participants = 1
		rows.Hour(readmodel.HourKey{Campaign: "evt-2", Hour: hour}).Participants = 9
	}
	for _, k := range []readmodel.ProfileKey{
		{Campaign: "evt-1", Dimension: readmodel.Region, Value: "부산"},
		{Campaign: "evt-2", Dimension: readmodel.Region, Value: "부산"},
		{Campaign: "evt-1", Dimension: readmodel.Gender, Value: "male"},
		{Campaign: "evt-1", Dimension: readmodel.Gender, Value: "female"},
	} {
		rows.Profile(k).Participants = 1
	}
	if _, err := rows.Campaign("evt-1"); !errors.Is(err, readmodel.ErrNotFound) {
		t.Errorf("without an event's row: error %v, want ErrNotFound", err)
	}
	rows.Event("evt-1").Participants = 3

	channel := func(name string) readmodel.ChannelStats {
		return readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: name}, Participants: 1}
	}
	hour := func(h time.Time) readmodel.ParticipationHour {
		return readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: "evt-1", Hour: h}, Participants: 1}
	}
	profile := func(d readmodel.Dimension, value string) readmodel.ProfileCount {
		return readmodel.ProfileCount{ProfileKey: readmodel.ProfileKey{Campaign: "evt-1", Dimension: d, Value: value}, Participants: 1}
	}
	want := readmodel.CampaignRows{
		Event:    readmodel.EventStats{Campaign: "evt-1", Participants: 3},
		Channels: []readmodel.ChannelStats{channel("Naver"), channel("naver"), channel("한글")},
		Hours:    []readmodel.ParticipationHour{hour(at.Add(-time.Hour)), hour(at), hour(at.Add(time.Hour))},
		Profiles: []readmodel.ProfileCount{
			profile(readmodel.Gender, "female"), profile(readmodel.Gender, "male"), profile(readmodel.Region, "부산"),
		},
	}
	got, err := rows.Campaign("evt-1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestRowsOfAllCampaigns: they are what each is by itself, in order.
func TestRowsOfAllCampaigns(t *testing.T) {
	t.Parallel()
	rows := readmodel.NewRows()
	hour := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	var want []readmodel.CampaignRows
	for _, c := range []events.Campaign{"evt-1", "evt-10", "evt-2", "이벤트"} {
		rows.Event(c).Participants = 2
		for _, channel := range []string{"naver", "kakao"} {
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: channel}).Participants = 1
		}
		for i := range 3 {
			rows.Hour(readmodel.HourKey{Campaign: c, Hour: hour.Add(-time.Duration(i) * time.Hour)}).Participants = 1
		}
		rows.Profile(readmodel.ProfileKey{Campaign: c, Dimension: readmodel.Gender, Value: "male"}).Participants = 1
		rows.Profile(readmodel.ProfileKey{Campaign: c, Dimension: readmodel.Gender, Value: "female"}).Participants = 1
		one, err := rows.Campaign(c)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, one)
	}
	rows.Channel(readmodel.ChannelKey{Campaign: "without an event's row", Channel: "naver"}).Participants = 1
	if diff := cmp.Diff(want, rows.Campaigns()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestChunks: the parts are of the size that was asked for, but for the last, and
// together all of the rows.
func TestChunks(t *testing.T) {
	t.Parallel()
	rows := readmodel.NewRows()
	for i := range 10 {
		c := events.Campaign(fmt.Sprint("evt-", i))
		rows.Event(c)
		rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"})
		rows.Hour(readmodel.HourKey{Campaign: c})
		rows.Profile(readmodel.ProfileKey{Campaign: c, Dimension: readmodel.Gender})
	}
	for _, n := range []int{1, 7, 10, 39, 40, 41} {
		whole, sizes := readmodel.NewRows(), []int{}
		for part := range rows.Chunks(n) {
			sizes = append(sizes, part.Len())
			maps.Copy(whole.Events, part.Events)
			maps.Copy(whole.Channels, part.Channels)
			maps.Copy(whole.Hours, part.Hours)
			maps.Copy(whole.Profiles, part.Profiles)
		}
		if diff := cmp.Diff(rows, whole); diff != "" {
			t.Errorf("chunks of %d (-want +got):\n%s", n, diff)
		}
		for i, size := range sizes {
			if want := min(n, 40-i*n); size != want {
				t.Errorf("chunks of %d are of %v", n, sizes)
				break
			}
		}
	}
	for range rows.Chunks(3) {
		break // and no more is asked for
	}
}
