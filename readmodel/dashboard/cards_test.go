package dashboard_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

func TestCardMembersAreFixed(t *testing.T) {
	t.Parallel()
	cards := mustCards(t, []readmodel.ShopCampaign{{Campaign: readmodel.CampaignStats{Campaign: "evt-1"}}}, dashboard.Listing{Order: dashboard.ByCampaign})
	got, err := json.Marshal(cards)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"eventId":"evt-1","storeId":null,"title":null,"objective":null,"startsAt":null,"endsAt":null,"state":"running",` +
		`"position":0,"updatedAt":null,` +
		`"summary":{"totalParticipants":0,"totalExposure":null,"roiPercent":null,"salesGrowthPercent":null,"costPerParticipant":null,"totalCost":null,` +
		`"missing":["baselineSales","expectedSalesIncrease","exposure","newCustomerLtv","platformCost","prizeCost"]}}]`
	if diff := gocmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	none, err := json.Marshal(mustCards(t, nil, dashboard.Listing{Order: dashboard.ByTitle}))
	if err != nil || string(none) != "[]" {
		t.Errorf("no cards are %s, %v; want []", none, err)
	}
}

// TestCardIsTheHeadOfTheDashboard compares a card with the dashboard of the same campaign.
func TestCardIsTheHeadOfTheDashboard(t *testing.T) {
	t.Parallel()
	seoul := loadLocations(t, "Asia/Seoul")[0]
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawRows(rt)
		rows.Campaign().UpdatedAt, rows.Campaign().Position = drawTime(rt, "updated"), 7
		view := dashboard.View{Now: drawTime(rt, "now"), Location: seoul}
		cards, _, err := dashboard.Cards(
			[]readmodel.ShopCampaign{{Campaign: *rows.Campaign(), Channels: rows.Channels()}}, view, dashboard.Listing{Order: dashboard.ByROI})
		if err != nil || len(cards) != 1 {
			rt.Fatalf("%d cards, %v", len(cards), err)
		}
		d := dashboard.New(rows, view)
		want := dashboard.Card{
			Campaign: d.Campaign, Shop: d.Shop, Title: d.Title, Objective: d.Objective,
			StartsAt: d.StartsAt, EndsAt: d.EndsAt, State: d.State, Position: d.Position, UpdatedAt: d.UpdatedAt, Summary: d.Summary,
		}
		if diff := gocmp.Diff(want, cards[0]); diff != "" {
			rt.Fatalf("card (-dashboard +card):\n%s", diff)
		}
	})
}

func TestCardsRefuseWhatIsNoListing(t *testing.T) {
	t.Parallel()
	rows := namedCampaigns("가", "나", "다")
	first := dashboard.Listing{Order: dashboard.ByTitle, Limit: 1}
	_, next, err := dashboard.Cards(rows, dashboard.View{}, first)
	if err != nil || next == "" {
		t.Fatalf("first page: cursor %q, %v", next, err)
	}
	follow := func(change func(*dashboard.Listing)) dashboard.Listing {
		l := first
		l.After = next
		change(&l)
		return l
	}
	payload := func(text string) dashboard.Listing {
		return follow(func(l *dashboard.Listing) { l.After = base64.RawURLEncoding.EncodeToString([]byte(text)) })
	}
	for name, tc := range map[string]struct {
		listing dashboard.Listing
		says    string // "": it is one
	}{
		"the next page":              {follow(func(*dashboard.Listing) {}), ""},
		"another limit":              {follow(func(l *dashboard.Listing) { l.Limit = dashboard.MaxPage }), ""},
		"no order":                   {dashboard.Listing{}, "totalParticipants"},
		"an unknown order":           {dashboard.Listing{Order: "Title"}, "totalParticipants"},
		"a negative limit":           {dashboard.Listing{Order: dashboard.ByTitle, Limit: -1}, "1 to 200"},
		"a limit that is too high":   {dashboard.Listing{Order: dashboard.ByTitle, Limit: 201}, "1 to 200"},
		"a title that is too long":   {dashboard.Listing{Order: dashboard.ByTitle, Title: strings.Repeat("가", dashboard.MaxTitle+1)}, "at most 64 characters"},
		"a title that is not UTF-8":  {dashboard.Listing{Order: dashboard.ByTitle, Title: "\xff"}, "UTF-8"},
		"a cursor of another order":  {follow(func(l *dashboard.Listing) { l.Order = dashboard.ByCampaign }), "order title"},
		"... the other direction":    {follow(func(l *dashboard.Listing) { l.Descending = true }), "descending false"},
		"... another title":          {follow(func(l *dashboard.Listing) { l.Title = "가" }), "another title"},
		"a cursor cut short":         {follow(func(l *dashboard.Listing) { l.After = next[:len(next)-1] }), "came with a page"},
		"a cursor with more":         {follow(func(l *dashboard.Listing) { l.After += "A" }), "came with a page"},
		"a cursor with a line break": {follow(func(l *dashboard.Listing) { l.After += "\n" }), "came with a page"},
		"a padded cursor":            {follow(func(l *dashboard.Listing) { l.After += "=" }), "came with a page"},
		"no cursor":                  {follow(func(l *dashboard.Listing) { l.After = "다음" }), "came with a page"},
		"not JSON":                   {payload(`title`), "came with a page"},
		"null":                       {payload(`null`), "came with a page"},
		"the payload as it is made":  {payload(`{"o":"title","d":false,"q":"0","v":{"t":"가"},"c":"evt-0"}`), ""},
		"an unknown title":           {payload(`{"o":"title","d":false,"q":"0","v":{},"c":"evt-0"}`), ""},
		"a member more":              {payload(`{"o":"title","d":false,"q":"0","v":{"t":"가"},"c":"evt-0","x":1}`), "came with a page"},
		"a member twice":             {payload(`{"o":"title","d":false,"q":"0","v":{"t":"가"},"c":"evt-0","c":"evt-1"}`), "came with a page"},
		"a value of another order":   {payload(`{"o":"title","d":false,"q":"0","v":{"n":1},"c":"evt-0"}`), "came with a page"},
		"two values":                 {payload(`{"o":"title","d":false,"q":"0","v":{"n":1,"t":"가"},"c":"evt-0"}`), "came with a page"},
	} {
		_, _, err := dashboard.Cards(rows, dashboard.View{}, tc.listing)
		switch {
		case tc.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.says != "" && (!errors.Is(err, dashboard.ErrListing) || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%s: %v; want ErrListing that says %q", name, err, tc.says)
		}
	}
}

func TestCardsOfATitle(t *testing.T) {
	t.Parallel()
	titles := []string{"가을 Sale", "SALE! 가을", "봄", "straße", "STRASSE", "Ǆ", "ǆ x", "Σίσυφος", "K", "k", "", "İ", "봄 감사제", norm.NFD.String("겨울 빙수")}
	rows := namedCampaigns(titles...)
	rows = append(rows, readmodel.ShopCampaign{Campaign: readmodel.CampaignStats{Campaign: "unknown"}})
	for wanted, want := range map[string][]string{
		"sale": {"가을 Sale", "SALE! 가을"}, "가을": {"가을 Sale", "SALE! 가을"}, "을 s": {"가을 Sale"},
		"ß": {"straße"}, "SS": {"STRASSE"}, "ǅ": {"Ǆ", "ǆ x"}, "ΣΊΣΥΦΟΣ": {"Σίσυφος"}, "ς": {"Σίσυφος"},
		"\u212a": {"K", "k"}, // the sign of the kelvin
		"여름":     nil, "i": nil, "ı": nil,
		"을sale": {"가을 Sale"}, " 가 을 ": {"가을 Sale", "SALE! 가을"}, "ㄱㅇ": {"가을 Sale", "SALE! 가을", norm.NFD.String("겨울 빙수")}, "가ㅇs": {"가을 Sale"}, "ㅇㄱ": nil,
		"ㅂㄱ": {"봄 감사제"}, norm.NFD.String("봄감"): {"봄 감사제"}, "겨울빙수": {norm.NFD.String("겨울 빙수")}, "ㄱㅇㅂㅅ": {norm.NFD.String("겨울 빙수")}, "ㅎ": nil,
	} {
		var got []string
		for _, card := range mustCards(t, rows, dashboard.Listing{Order: dashboard.ByCampaign, Title: wanted}) {
			got = append(got, *card.Title)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("titles with %q (-want +got):\n%s", wanted, diff)
		}
	}
	if got := len(mustCards(t, rows, dashboard.Listing{Order: dashboard.ByCampaign})); got != len(rows) {
		t.Errorf("%d cards without a title, want all %d", got, len(rows))
	}
}

func TestCardsOfOnePage(t *testing.T) {
	t.Parallel()
	rows := namedCampaigns(make([]string, 201)...)
	for limit, want := range map[int]int{0: 50, 1: 1, 200: 200} {
		page, next, err := dashboard.Cards(rows, dashboard.View{}, dashboard.Listing{Order: dashboard.ByTitle, Limit: limit})
		if err != nil || len(page) != want || next == "" {
			t.Errorf("limit %d: %d cards, cursor %q, %v; want %d and a cursor", limit, len(page), next, err, want)
		}
	}
	page, next, err := dashboard.Cards(rows[:200], dashboard.View{}, dashboard.Listing{Order: dashboard.ByTitle, Limit: 200})
	if err != nil || len(page) != 200 || next != "" {
		t.Errorf("all on one page: %d cards, cursor %q, %v; want 200 and no cursor", len(page), next, err)
	}
}

// TestCardsPageByPage walks the pages of random campaigns. Many have equal or unknown values
// of the member that sorts them, and other members change between two pages. Every card is
// on one page, in the order of a plain sort.
func TestCardsPageByPage(t *testing.T) {
	t.Parallel()
	for _, order := range dashboard.CardOrders() {
		for _, descending := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s descending %t", order, descending), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(rt *rapid.T) {
					rows := drawCampaigns(rt)
					l := dashboard.Listing{
						Order: order, Descending: descending,
						Title: rapid.SampledFrom([]string{"", "", "A", "을"}).Draw(rt, "title"),
						Limit: rapid.IntRange(1, 5).Draw(rt, "limit"),
					}
					want := plainlySorted(rt, rows, l)
					got := []events.Campaign{}
					for {
						page, next, err := dashboard.Cards(rows, dashboard.View{}, l)
						if err != nil {
							rt.Fatal(err)
						}
						fromPage(rt, rows, l, page, next)
						if len(page) > l.Limit || len(page) < l.Limit && next != "" {
							rt.Fatalf("a page of %d cards, cursor %q", len(page), next)
						}
						got = append(got, namesOf(page)...)
						if next == "" {
							break
						}
						if strings.Trim(next, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
							rt.Fatalf("cursor %q cannot be part of a URL as it is", next)
						}
						l.After = next
						change(rt, rows, order)
					}
					if diff := gocmp.Diff(want, got); diff != "" {
						rt.Fatalf("cards page by page (-sorted +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// fromPage makes the same cards from the page that a store reads, where it can.
func fromPage(t interface{ Fatalf(string, ...any) }, rows []readmodel.ShopCampaign, l dashboard.Listing, want []dashboard.Card, wantNext string) {
	some, ok, err := l.Page()
	if err != nil {
		t.Fatalf("%+v: %v", l, err)
	}
	columns := []dashboard.CardOrder{dashboard.ByCampaign, dashboard.ByParticipants, dashboard.ByUpdate}
	if wanted := slices.Contains(columns, l.Order) && l.Title == ""; ok != wanted && (ok || l.Order != dashboard.ByUpdate || l.After == "") { // a page may begin among those of unknown time
		t.Fatalf("%+v: a page %t, want %t", l, ok, wanted)
	}
	if !ok {
		return
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b readmodel.ShopCampaign) int { return cmp.Compare(a.Campaign.Campaign, b.Campaign.Campaign) })
	page, next, err := dashboard.Cards(readmodeltest.Page(rows, some), dashboard.View{}, l)
	if diff := gocmp.Diff(want, page); diff != "" || next != wantNext || err != nil {
		t.Fatalf("from page %+v: cursor %q, want %q, %v (-from all +from the page):\n%s", some, next, wantNext, err, diff)
	}
}

// TestForgedCursors: cursors that no page ended with ask for all campaigns.
func TestForgedCursors(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`{"v":{"t":"b"},"c":"a"}`, `{"v":{},"c":"a"}`, `{"v":{"t":""},"c":""}`, `{"v":{"t":"a\u0000b"},"c":"a\u0000b"}`} {
		payload := `{"o":"eventId","d":false,"q":"0",` + value[1:]
		l := dashboard.Listing{Order: dashboard.ByCampaign, After: base64.RawURLEncoding.EncodeToString([]byte(payload))}
		if page, ok, err := l.Page(); ok || err != nil {
			t.Errorf("%s: %+v, %v", payload, page, err)
		}
	}
}

// drawCampaigns draws few values of each member, so that many are equal.
func drawCampaigns(rt *rapid.T) []readmodel.ShopCampaign {
	amount := rapid.SampledFrom([]*events.Won{nil, new(events.Won), wonOf(1), wonOf(3)})
	var rows []readmodel.ShopCampaign
	for i := range rapid.IntRange(0, 15).Draw(rt, "campaigns") {
		c := readmodel.CampaignStats{
			Campaign: events.Campaign(fmt.Sprintf("evt-%d", i*7%15)), Known: rapid.Bool().Draw(rt, "known"),
			Participants: rapid.Int64Range(0, 2).Draw(rt, "participants"),
			PrizeCost:    amount.Draw(rt, "prize"), PlatformCost: amount.Draw(rt, "platform"), ExpectedSalesIncrease: amount.Draw(rt, "increase"), BaselineSales: amount.Draw(rt, "baseline"),
		}
		if c.Known {
			c.Title = rapid.SampledFrom([]string{"", "a", "A", "가을", "\u2028<a>&"}).Draw(rt, "title")
		}
		if rapid.Bool().Draw(rt, "updated") {
			c.UpdatedAt = time.Unix(1_795_435_200+rapid.Int64Range(0, 2).Draw(rt, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(rt, "nanos"))
		}
		row := readmodel.ShopCampaign{Campaign: c}
		if views := rapid.Int64Range(-1, 1).Draw(rt, "views"); views >= 0 {
			at := time.Unix(1_795_435_200, 0)
			row.Channels = append(row.Channels, readmodel.ChannelStats{
				ChannelKey: readmodel.ChannelKey{Campaign: c.Campaign, Channel: "naver"}, FetchedAt: at,
				Views: readmodel.Figure{Value: views, At: at},
			})
		}
		rows = append(rows, row)
	}
	return rows
}

// change changes a member by which the cards are not sorted.
func change(rt *rapid.T, rows []readmodel.ShopCampaign, order dashboard.CardOrder) {
	c := &rows[rapid.IntRange(0, len(rows)-1).Draw(rt, "changed")].Campaign
	c.Position++
	if order != dashboard.ByParticipants && order != dashboard.ByROI && order != dashboard.ByCost {
		c.Participants++
	}
	if order != dashboard.ByUpdate {
		c.UpdatedAt = time.Unix(1_795_440_000+int64(c.Position), 0)
	}
	if order != dashboard.BySalesGrowth && order != dashboard.ByROI {
		c.BaselineSales = wonOf(int64(c.Position))
	}
}

// plainlySorted returns the campaigns of the listing by their cards' members.
func plainlySorted(rt *rapid.T, rows []readmodel.ShopCampaign, l dashboard.Listing) []events.Campaign {
	cards := map[events.Campaign]dashboard.Card{}
	names := []events.Campaign{}
	for _, row := range rows {
		if !strings.Contains(strings.ToLower(row.Campaign.Title), strings.ToLower(l.Title)) {
			continue
		}
		card, _, err := dashboard.Cards([]readmodel.ShopCampaign{row}, dashboard.View{}, dashboard.Listing{Order: dashboard.ByCampaign})
		if err != nil || len(card) != 1 {
			rt.Fatalf("%d cards, %v", len(card), err)
		}
		cards[row.Campaign.Campaign] = card[0]
		names = append(names, row.Campaign.Campaign)
	}
	slices.SortFunc(names, func(a, b events.Campaign) int {
		x, y := memberOf(cards[a], l.Order), memberOf(cards[b], l.Order)
		known := func(v any) int { return map[bool]int{true: 1}[v == nil] }
		order := 0
		if x != nil && y != nil {
			switch x := x.(type) {
			case float64:
				order = cmp.Compare(x, y.(float64))
			case string:
				order = cmp.Compare(x, y.(string))
			}
		}
		if l.Descending {
			order = -order
		}
		return cmp.Or(cmp.Compare(known(x), known(y)), order, cmp.Compare(a, b))
	})
	return names
}

// memberOf returns the member of the card's JSON that has the order's name.
func memberOf(card dashboard.Card, order dashboard.CardOrder) any {
	b, err := json.Marshal(card)
	if err != nil {
		panic(err)
	}
	var members map[string]any
	if err := json.Unmarshal(b, &members); err != nil {
		panic(err)
	}
	if v, ok := members[string(order)]; ok {
		return v
	}
	return members["summary"].(map[string]any)[string(order)]
}

// FuzzCursor uses any text as a cursor: Cards returns ErrListing, or the rest of the listing
// after some card.
func FuzzCursor(f *testing.F) {
	rows := namedCampaigns("b", "", "가을", "a", "B", "A")
	for i := range rows {
		rows[i].Campaign.Participants = int64(i % 3)
		rows[i].Campaign.UpdatedAt = time.Unix(int64(i%2), 0)
		rows[i].Campaign.PrizeCost, rows[i].Campaign.PlatformCost, rows[i].Campaign.ExpectedSalesIncrease = wonOf(3), wonOf(1), wonOf(int64(i%2))
	}
	rows = append(rows, readmodel.ShopCampaign{Campaign: readmodel.CampaignStats{Campaign: "unknown"}})
	for i, order := range dashboard.CardOrders() {
		for _, descending := range []bool{false, true} {
			_, next, err := dashboard.Cards(rows, dashboard.View{}, dashboard.Listing{Order: order, Descending: descending, Limit: 2})
			if err != nil || next == "" {
				f.Fatalf("first page by %s: cursor %q, %v", order, next, err)
			}
			payload, err := base64.RawURLEncoding.DecodeString(next)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(payload, byte(i), descending)
		}
	}
	f.Add([]byte(`{"o":"roiPercent","d":false,"q":"0","v":{"r":1e999},"c":""}`), byte(2), false)
	f.Add([]byte(`{"o":"updatedAt","d":false,"q":"0","v":{"n":-9223372036854775808},"c":""}`), byte(4), false)
	f.Fuzz(func(t *testing.T, payload []byte, order byte, descending bool) {
		orders := dashboard.CardOrders()
		l := dashboard.Listing{Order: orders[int(order)%len(orders)], Descending: descending}
		all, _, err := dashboard.Cards(rows, dashboard.View{}, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, after := range []string{string(payload), base64.RawURLEncoding.EncodeToString(payload)} {
			if after == "" {
				continue
			}
			l.After = after
			rest, next, err := dashboard.Cards(rows, dashboard.View{}, l)
			if err != nil {
				if !errors.Is(err, dashboard.ErrListing) || len(rest) > 0 || next != "" {
					t.Errorf("after %q: %d cards, %q, %v; want ErrListing alone", after, len(rest), next, err)
				}
				continue
			}
			if want := all[len(all)-len(rest):]; !slices.Equal(namesOf(want), namesOf(rest)) {
				t.Errorf("after %q: %v, which is not the end of %v", after, namesOf(rest), namesOf(all))
			}
		}
	})
}

func mustCards(t *testing.T, rows []readmodel.ShopCampaign, l dashboard.Listing) []dashboard.Card {
	t.Helper()
	cards, _, err := dashboard.Cards(rows, dashboard.View{}, l)
	if err != nil {
		t.Fatalf("Cards of %+v: %v", l, err)
	}
	return cards
}

// namedCampaigns returns campaigns evt-0, evt-1 … with these titles.
func namedCampaigns(titles ...string) []readmodel.ShopCampaign {
	rows := make([]readmodel.ShopCampaign, len(titles))
	for i, title := range titles {
		rows[i].Campaign = readmodel.CampaignStats{Campaign: events.Campaign(fmt.Sprintf("evt-%d", i)), Known: true, Title: title}
	}
	return rows
}

func namesOf(cards []dashboard.Card) []events.Campaign {
	names := make([]events.Campaign, len(cards))
	for i, card := range cards {
		names[i] = card.Campaign
	}
	return names
}

func wonOf(n int64) *events.Won {
	w := events.Won(n)
	return &w
}
