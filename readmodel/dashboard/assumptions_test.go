package dashboard_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// assume returns the assumptions of the lines of a file, and those of all: field=value.
func assume(t testing.TB, file string, ofAll ...string) *dashboard.Assumptions {
	t.Helper()
	a := new(dashboard.Assumptions)
	for _, one := range ofAll {
		field, value, _ := strings.Cut(one, "=")
		if err := a.Add("", field, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.ReadCSV(strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAssumptions(t *testing.T) {
	t.Parallel()
	won := func(w events.Won) *events.Won { return &w }
	row := readmodel.CampaignStats{
		Campaign: "evt-1", Known: true, PrizeCost: won(1_000_000), PlatformCost: won(5), BaselineSales: won(7), Participants: 3, NewCustomers: 2,
	}
	before, got := row, row
	replaced, err := assume(t, "evt-1,prizeCost,+10%\nevt-2,prizeCost,1\n",
		"prizeCost=*0.5", "platformCost=*0.5", "expectedSalesIncrease=+10%", "baselineSales=0", "newCustomerLtv=9007199254740992").Apply(&got)
	if err != nil {
		t.Fatal(err)
	}
	want := row
	want.PrizeCost, want.PlatformCost, want.BaselineSales, want.NewCustomerLTV = won(1_100_000), won(3), won(0), won(events.MaxWon)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	says := []dashboard.Assumed{
		{"baselineSales", "0", won(7), won(0)},
		{"expectedSalesIncrease", "+10%", nil, nil}, // what is not known stays unknown
		{"newCustomerLtv", "9007199254740992", nil, won(events.MaxWon)},
		{"platformCost", "*0.5", won(5), won(3)},
		{"prizeCost", "+10%", won(1_000_000), won(1_100_000)},
	}
	if diff := cmp.Diff(says, replaced); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, row); diff != "" || *row.PrizeCost != 1_000_000 || *row.PlatformCost != 5 {
		t.Errorf("the row that was copied has changed:\n%s", diff)
	}

	// One that does not fit replaces nothing (I11).
	unchanged := got
	if _, err := assume(t, "", "newCustomerLtv=+0.1%", "baselineSales=5").Apply(&got); !errors.Is(err, dashboard.ErrAssumption) {
		t.Errorf("beyond the largest amount: %v", err)
	}
	if diff := cmp.Diff(unchanged, got); diff != "" {
		t.Errorf("of what does not fit (-want +got):\n%s", diff)
	}

	if none := new(dashboard.Assumptions); !none.Empty() || none.Campaigns() != nil {
		t.Errorf("nothing assumed: %v", none.Campaigns())
	}
	some := assume(t, "evt-2,prizeCost,1\nevt-1,prizeCost,2\nevt-1,platformCost,2\n", "prizeCost=3")
	if diff := cmp.Diff([]events.Campaign{"evt-1", "evt-2"}, some.Campaigns()); diff != "" || some.Empty() {
		t.Errorf("campaigns (-want +got):\n%s", diff)
	}
}

func TestAssumptionsAreChecked(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]events.Won{
		"0": 0, "0500": 500, "9007199254740992": events.MaxWon,
		"*1": 1001, "*0": 0, "*0.5": 501, "*0.4995": 500, "*0.499500": 500, "*2.000000": 2002, "*999999999999": 1_000_999_999_998_999,
		"+0%": 1001, "+10%": 1101, "+0.05%": 1002, "+0.049%": 1001, "-0%": 1001, "-10%": 901, "-50%": 501, "-100%": 0, "-99.95%": 1, "-99.96%": 0, "+100%": 2002,
	} {
		a, before := assume(t, "", "prizeCost="+value), events.Won(1001)
		row := readmodel.CampaignStats{PrizeCost: &before}
		if _, err := a.Apply(&row); err != nil || *row.PrizeCost != want {
			t.Errorf("1001 %s is %d, %v, want %d", value, *row.PrizeCost, err, want)
		}
	}
	for _, value := range []string{
		"", "half", "-1", "+1", "9007199254740993", "18446744073709551616", "1.5", "1e6", "1_000", "0x10", " 1", "１", "500000원",
		"*", "*-1", "*+1", "*.5", "*1.", "*1e3", "*0,5", "*1.0000001", "*1000000000000", "*10%", "**2", "*½",
		"%", "10%", "+%", "-%", "--1%", "+-1%", "-+1%", "-100.01%", "-1000000%", "+1e2%", "+10%%",
	} {
		if err := new(dashboard.Assumptions).Add("evt-1", "prizeCost", value); !errors.Is(err, dashboard.ErrAssumption) {
			t.Errorf("%q: error %v", value, err)
		}
	}
	for _, field := range []string{"participants", "", "PrizeCost", "distributionCost"} {
		if err := new(dashboard.Assumptions).Add("", field, "1"); !errors.Is(err, dashboard.ErrAssumption) {
			t.Errorf("of %q: error %v", field, err)
		}
	}
}

// TestAssumptionsOfAFile: each line is checked, and named where it is wrong.
func TestAssumptionsOfAFile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file string
		want string // of the error; empty: none
		n    int    // campaigns
	}{
		"empty":             {},
		"a head":            {file: "eventId,field,value\nevt-1,prizeCost,1\n", n: 1},
		"of a spreadsheet":  {file: "\ufeffcampaign,field,value\r\nevt-1,prizeCost,1\r\n", n: 1},
		"no line at an end": {file: "evt-1,prizeCost,1\nevt-1,platformCost,*2\n\nevt-2,prizeCost,-5%", n: 2},
		"in quotes":         {file: `"a ""b"", c", prizeCost, "1"`, n: 1},
		"a head too late":   {file: "evt-1,prizeCost,1\neventId,field,value\n", want: `line 2: cannot be assumed: unknown amount "field"`},
		"a value":           {file: "evt-1,prizeCost,1\n\nevt-1,platformCost,half\n", want: `line 3: platformCost: cannot be assumed: "half": expected won`},
		"twice":             {file: "evt-1,prizeCost,1\nevt-2,prizeCost,1\nevt-1,prizeCost,*2\n", want: "line 3: cannot be assumed: prizeCost is assumed to be 1 already"},
		"of all":            {file: ",prizeCost,1\n", want: "line 1: cannot be assumed: expected a campaign of 1 to"},
		"a long name":       {file: strings.Repeat("x", events.MaxIDBytes+1) + ",prizeCost,1\n", want: "line 1: cannot be assumed: expected a campaign"},
		"two columns":       {file: "evt-1,prizeCost\nevt-2,prizeCost,1,2\n", want: "line 1: cannot be assumed: expected campaign, field, value\nline 2: cannot be assumed: expected campaign, field, value"},
		"an open quote":     {file: "evt-1,prizeCost,1\n\"evt-2,prizeCost,1\n", want: "line 2: cannot be assumed: extraneous or missing \" in quoted-field"},
		"some":              {file: "evt-1,prize,1\nevt-1,prizeCost,1\nevt-1,cost,1\n", want: "line 3: cannot be assumed: unknown amount \"cost\""},
	} {
		a := new(dashboard.Assumptions)
		err := a.ReadCSV(strings.NewReader(tc.file))
		if tc.want == "" && (err != nil || len(a.Campaigns()) != tc.n) {
			t.Errorf("%s: %d campaigns, %v", name, len(a.Campaigns()), err)
		}
		if tc.want != "" && (!errors.Is(err, dashboard.ErrAssumption) || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	err := new(dashboard.Assumptions).ReadCSV(strings.NewReader(strings.Repeat("evt-1,prize,1\n", 1000)))
	if n := strings.Count(err.Error(), "line "); n != 10 {
		t.Errorf("of a thousand wrong lines it names %d", n)
	}
}

// exact is what a value makes of an amount, by rational numbers; false where the value is none.
func exact(value string, of events.Won) (*big.Int, bool) {
	r := new(big.Rat)
	if factor, ok := strings.CutPrefix(value, "*"); ok {
		if _, ok := r.SetString(factor); !ok {
			return nil, false
		}
		r.Mul(r, big.NewRat(int64(of), 1))
	} else if change, ok := strings.CutSuffix(value, "%"); ok {
		if _, ok := r.SetString(change); !ok {
			return nil, false
		}
		r.Mul(r.Add(r, big.NewRat(100, 1)), big.NewRat(int64(of), 100))
	} else if _, ok := r.SetString(value); !ok {
		return nil, false
	}
	r.Add(r, big.NewRat(1, 2)) // halves go up, which is away from zero: no amount is negative
	return new(big.Int).Div(r.Num(), r.Denom()), true
}

// checkExact compares what a value makes of an amount with [exact].
func checkExact(t interface{ Fatalf(string, ...any) }, value string, of events.Won) (known bool) {
	a := new(dashboard.Assumptions)
	if err := a.Add("", "prizeCost", value); err != nil {
		return false
	}
	want, ok := exact(value, of)
	if !ok || want.Sign() < 0 {
		t.Fatalf("%q is taken for a value", value)
	}
	row, before := readmodel.CampaignStats{PrizeCost: &of}, of
	_, err := a.Apply(&row)
	switch fits := want.Cmp(big.NewInt(int64(events.MaxWon))) <= 0; {
	case fits != (err == nil):
		t.Fatalf("%d %s: %v, want %s", before, value, err, want)
	case fits && int64(*row.PrizeCost) != want.Int64():
		t.Fatalf("%d %s is %d, want %s", before, value, *row.PrizeCost, want)
	}
	return true
}

// TestAssumptionsAreExact: every value makes of every amount what rational numbers make of it.
func TestAssumptionsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		form := rapid.SampledFrom([]string{"*%s", "+%s%%", "-%s%%"}).Draw(rt, "form")
		decimal := rapid.StringMatching(`(0|[1-9][0-9]{0,11}|[1-9]?[0-9])(\.[0-9]{1,6})?`).Draw(rt, "decimal")
		of := events.Won(rapid.OneOf(rapid.Int64Range(0, 3000), rapid.Int64Range(0, int64(events.MaxWon))).Draw(rt, "of"))
		value := fmt.Sprintf(form, decimal)
		if !checkExact(rt, value, of) && form != "-%s%%" {
			rt.Fatalf("%q is refused", value)
		}
	})
}

func FuzzAssumption(f *testing.F) {
	for _, value := range []string{"500000", "*0.5", "+10%", "-12.5%", "*999999999999.999999", "-100.000001%", "*.5", "+-1%"} {
		f.Add(value, int64(1001))
	}
	f.Fuzz(func(t *testing.T, value string, of int64) {
		if of >= 0 && of <= int64(events.MaxWon) {
			checkExact(t, value, events.Won(of))
		}
	})
}

// FuzzAssumptionsOfAFile: a file is refused, or read as it is read without its head.
func FuzzAssumptionsOfAFile(f *testing.F) {
	f.Add("eventId,field,value\nevt-1,prizeCost,*0.5\n")
	f.Add("\ufeff\"a\nb\",prizeCost,1\r\na,baselineSales,+1%")
	f.Add("evt-1,prizeCost,1\nevt-1,prizeCost,1\n")
	f.Fuzz(func(t *testing.T, file string) {
		a := new(dashboard.Assumptions)
		if err := a.ReadCSV(strings.NewReader(file)); err != nil {
			return
		}
		var again strings.Builder
		w, n := csv.NewWriter(&again), 0
		for _, c := range a.Campaigns() {
			replaced, err := a.Apply(&readmodel.CampaignStats{Campaign: c})
			if err != nil || len(replaced) == 0 {
				t.Fatalf("%q: %v, %v", c, replaced, err)
			}
			for _, one := range replaced {
				n++
				if err := w.Write([]string{string(c), one.Field, one.Value}); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.Flush()
		if most := strings.Count(file, "\n") + 1; n > most {
			t.Fatalf("%d assumptions in %d lines", n, most)
		}
		b := new(dashboard.Assumptions)
		if err := b.ReadCSV(strings.NewReader(again.String())); err != nil {
			t.Fatalf("%q, written again: %v", file, err)
		}
		if diff := cmp.Diff(a.Campaigns(), b.Campaigns()); diff != "" {
			t.Fatalf("%q, written again (-first +second):\n%s", file, diff)
		}
	})
}
