package dashboard_test

import (
	"errors"
	"testing"
	"time"

	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

// TestEvidenceCheck: the rows of the events behind a number have to make it.
func TestEvidenceCheck(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	of := func(participants, views int64) readmodel.CampaignRows {
		return readmodeltest.CampaignRows(
			readmodel.CampaignStats{Campaign: "evt-1", Participants: participants},
			readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}, Views: readmodel.Figure{Value: views, At: noon}},
		)
	}
	for name, tc := range map[string]struct {
		number dashboard.Number
		made   readmodel.CampaignRows
		says   string
	}{
		"all events":              {dashboard.TotalParticipants, of(3, 0), ""},
		"one is missing":          {dashboard.TotalParticipants, of(2, 20), `number without its events: totalParticipants of campaign "evt-1" is 3, and its events make 2`},
		"none at all":             {dashboard.TotalExposure, readmodel.NewCampaignRows(), `number without its events: totalExposure of campaign "evt-1" is 20, and its events make null`},
		"those of another number": {dashboard.TotalExposure, of(0, 20), ""},
		"an unknown one":          {dashboard.ROIPercent, of(3, 0), ""},
	} {
		e, err := dashboard.NewEvidence(of(3, 20), tc.number, dashboard.View{Now: noon})
		if err != nil {
			t.Fatal(err)
		}
		err = e.Check(tc.made, dashboard.View{Now: noon})
		if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, dashboard.ErrEvidence) || err.Error() != tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}
