package dashboard_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

func TestAssumptions(t *testing.T) {
	t.Parallel()
	won := func(w events.Won) *events.Won { return &w }
	row := readmodel.CampaignStats{Campaign: "evt-1", Known: true, PrizeCost: won(1_000_000), Participants: 3, NewCustomers: 2}
	before := row
	got := row
	dashboard.Assumptions{
		"prizeCost": 1, "platformCost": 2, "expectedSalesIncrease": 3, "baselineSales": 4, "newCustomerLtv": 0,
	}.Apply(&got)
	want := row
	want.PrizeCost, want.PlatformCost, want.ExpectedSalesIncrease, want.BaselineSales, want.NewCustomerLTV = won(1), won(2), won(3), won(4), won(0)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, row); diff != "" || *row.PrizeCost != 1_000_000 {
		t.Errorf("the row that was copied has changed:\n%s", diff)
	}
}

func TestAssumptionsAreChecked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		of   dashboard.Assumptions
		want error
	}{
		"none":          {},
		"good":          {of: dashboard.Assumptions{"prizeCost": events.MaxWon, "newCustomerLtv": 0}},
		"another name":  {of: dashboard.Assumptions{"participants": 5}, want: dashboard.ErrAssumption},
		"negative":      {of: dashboard.Assumptions{"prizeCost": -1}, want: dashboard.ErrAssumption},
		"out of bounds": {of: dashboard.Assumptions{"prizeCost": events.MaxWon + 1}, want: dashboard.ErrAssumption},
	} {
		if err := tc.of.Validate(); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
	}
}
