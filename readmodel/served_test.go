package readmodel_test

import (
	"slices"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

// TestServed: of the rows of a range, those of the campaigns asked for are kept, in order, and of the
// others the names.
func TestServed(t *testing.T) {
	t.Parallel()
	table := readmodel.ChannelStatsTable()
	s := readmodel.NewServed("A", []events.Campaign{"evt-2", "이벤트", "EVT-1", "evt-10"}, table)
	if s.After != "A" || s.First != "EVT-1" || s.Last != "이벤트" {
		t.Errorf("the range is after %q, %q to %q", s.After, s.First, s.Last)
	}
	for _, k := range []readmodel.ChannelKey{
		{Campaign: "B", Channel: "kakao"},
		{Campaign: "EVT-1", Channel: "kakao"},
		{Campaign: "EVT-1", Channel: "naver"},
		{Campaign: "evt-1", Channel: "kakao"},
		{Campaign: "evt-11", Channel: "kakao"},
		{Campaign: "evt-11", Channel: "naver"},
		{Campaign: "evt-2", Channel: "other"},
		{Campaign: "이벤트", Channel: "other"},
	} {
		row := s.Tables[0].NewRow().(*readmodel.ChannelStats)
		row.ChannelKey = k
		s.Tables[0].Add(row)
	}
	if others := s.Others(); !slices.Equal(others, []events.Campaign{"B", "evt-1", "evt-11"}) || s.Len() != 4 {
		t.Errorf("%d rows, and rows of %q", s.Len(), others)
	}
	for _, want := range []struct {
		campaign events.Campaign
		channels []string
	}{{"EVT-1", []string{"kakao", "naver"}}, {"evt-10", nil}, {"evt-2", []string{"other"}}, {"이벤트", []string{"other"}}, {"이벤트", nil}} {
		var got []string
		for _, row := range s.Take(table, want.campaign) {
			got = append(got, row.(*readmodel.ChannelStats).Channel)
		}
		if !slices.Equal(got, want.channels) {
			t.Errorf("Take(%q) = %q, want %q", want.campaign, got, want.channels)
		}
	}
	if rows := s.Take(readmodel.CampaignStatsTable(), "이벤트"); rows != nil {
		t.Errorf("Take of a table that is not read = %v", rows)
	}
	if none := readmodel.NewServed("", nil, table); none.First != "" || none.Last != "" || none.Len() > 0 || len(none.Others()) > 0 {
		t.Errorf("no campaigns: %+v", none)
	}
}
