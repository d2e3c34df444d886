package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"jangbu/events"
	"jangbu/readmodel"
)

// ErrListing says that a [Listing] is not acceptable, or that its cursor is of another one.
var ErrListing = errors.New("unacceptable listing")

const (
	// DefaultPage bounds the cards of a page where a [Listing] sets no limit.
	DefaultPage = 50
	// MaxPage is the largest limit of a [Listing].
	MaxPage = 200
	// MaxTitle bounds the Title of a [Listing], in characters. It and sortedRunes keep the
	// address of each page so short that the page can be asked for.
	MaxTitle = 64
	// sortedRunes is how many characters of titles are compared.
	sortedRunes = 40
)

// Card is one campaign in the list of a shop. It has the first members of its [Dashboard],
// with the same JSON.
type Card struct {
	Campaign  events.Campaign `json:"eventId"`
	Shop      *events.Shop    `json:"storeId"`
	Title     *string         `json:"title"`
	Objective *string         `json:"objective"`
	StartsAt  *time.Time      `json:"startsAt"`
	EndsAt    *time.Time      `json:"endsAt"`
	State     State           `json:"state"`
	Position  events.Position `json:"position"`
	UpdatedAt *time.Time      `json:"updatedAt"`
	Summary   Summary         `json:"summary"`
}

// CardOrder is the member of the JSON by which cards are sorted.
type CardOrder string

// The orders.
const (
	ByParticipants CardOrder = "totalParticipants"
	ByExposure     CardOrder = "totalExposure"
	ByROI          CardOrder = "roiPercent"
	BySalesGrowth  CardOrder = "salesGrowthPercent"
	ByCost         CardOrder = "costPerParticipant"
	ByUpdate       CardOrder = "updatedAt"
	ByTitle        CardOrder = "title" // by the bytes of its first 40 characters
	ByCampaign     CardOrder = "eventId"
)

// CardOrders returns all orders.
func CardOrders() []CardOrder {
	return []CardOrder{ByParticipants, ByExposure, ByROI, BySalesGrowth, ByCost, ByUpdate, ByTitle, ByCampaign}
}

// Listing says which cards are wanted, in which order, and where the page begins.
type Listing struct {
	// Order and Descending sort the cards. Cards whose member is unknown come last in
	// both directions. Equal ones are sorted by their ids, ascending.
	Order      CardOrder
	Descending bool
	// Title is a text that titles must contain, whatever its spaces, the case of its letters
	// (Unicode's simple folding) and its composition (NFC or NFD). A consonant alone stands
	// for each syllable that begins with it. Empty: every card, also one without a title.
	Title string
	// After is the cursor of the page before. Empty: the first page.
	After string
	// Limit bounds the cards of a page, up to MaxPage. 0: DefaultPage.
	Limit int
}

// Page returns the page of campaigns that the cards of the listing are made from, and one more where
// there is another page; false where that needs all campaigns of the shop: a title is searched, what
// sorts the cards is computed from several rows or shown otherwise than it is stored, or the page
// begins among cards without what sorts them. [ErrListing] where the listing is not acceptable.
func (l Listing) Page() (page readmodel.ShopPage, ok bool, err error) {
	l, after, err := l.checked()
	page = readmodel.ShopPage{Descending: l.Descending, Limit: l.Limit + 1}
	switch l.Order {
	case ByCampaign:
		page.Order, ok = readmodel.ByCampaign, true
	case ByParticipants:
		page.Order, ok = readmodel.ByParticipants, true
	case ByUpdate:
		page.Order, ok = readmodel.ByUpdate, true
	case ByExposure, ByROI, BySalesGrowth, ByCost, ByTitle:
	}
	if err != nil || !ok || len(newTitle(l.Title)) > 0 {
		return readmodel.ShopPage{}, false, err
	}
	if after == nil {
		return page, true, nil
	}
	// No page ended with another cursor, and no store has such an id.
	made := after.Campaign != "" && !strings.ContainsRune(string(after.Campaign), 0)
	page.After = after.Campaign
	switch value := after.Value; {
	case l.Order == ByCampaign:
		made = made && value.Text != nil && *value.Text == string(after.Campaign)
	case value.Number == nil || value.Ratio != nil || value.Text != nil:
		made = false
	default:
		page.Value = *value.Number
	}
	return page, made, nil
}

// Cards returns one page of the campaigns' cards, in a view that [View.Validate] accepts,
// and the cursor of the next page; "" where there is none. [ErrListing] where the listing
// is not acceptable.
//
// A page begins after the last card of the page before. A campaign that changes between two
// pages, but not in the member that sorts them, is on exactly one page.
func Cards(rows []readmodel.ShopCampaign, v View, l Listing) (page []Card, next string, err error) {
	l, after, err := l.checked()
	if err != nil {
		return nil, "", err
	}
	v = v.withDefaults()
	wanted := newTitle(l.Title)
	var sorted []sortedCard
	for _, row := range rows {
		if len(wanted) > 0 && !newTitle(cut(row.Campaign.Title)).contains(wanted) {
			continue
		}
		card, _ := newCard(row.Campaign, row.Channels, v)
		s := sortedCard{card, l.Order.valueOf(card)}
		if after == nil || l.compare(s.value, card.Campaign, after.Value, after.Campaign) > 0 {
			sorted = append(sorted, s)
		}
	}
	slices.SortFunc(sorted, func(a, b sortedCard) int {
		return l.compare(a.value, a.card.Campaign, b.value, b.card.Campaign)
	})
	page = make([]Card, min(len(sorted), l.Limit))
	for i := range page {
		page[i] = sorted[i].card
	}
	if len(page) < len(sorted) {
		last := sorted[len(page)-1]
		next = cursor{l.Order, l.Descending, sumOf(l.Title), last.value, last.card.Campaign}.encode()
	}
	return page, next, nil
}

// newCard returns the campaign's card, and the economics of its dashboard.
func newCard(c readmodel.CampaignStats, channels []readmodel.ChannelStats, v View) (Card, Economics) {
	summary, economics := summarize(c, channels, v)
	card := Card{
		Campaign:  c.Campaign,
		StartsAt:  v.local(c.StartsAt),
		EndsAt:    v.local(c.EndsAt),
		State:     v.state(c),
		Position:  c.Position,
		UpdatedAt: v.local(c.UpdatedAt),
		Summary:   summary,
	}
	if c.Known {
		card.Shop, card.Objective = &c.Shop, new(cut(events.PlainText(c.Objective)))
		if title := cut(events.PlainText(c.Title)); title != "" {
			card.Title = &title
		}
	}
	return card, economics
}

// cut bounds a text that was stored before texts had a bound (I14).
func cut(s string) string {
	if begins := firstRunes(s, events.MaxTextRunes); len(begins) < len(s) {
		return begins + "…"
	}
	return s
}

// firstRunes returns at most n characters of s.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// checked returns the listing with its defaults, and the cursor after which the page begins;
// nil for the first page.
func (l Listing) checked() (Listing, *cursor, error) {
	if !slices.Contains(CardOrders(), l.Order) {
		return l, nil, fmt.Errorf("order %q: %w: expected one of %v", l.Order, ErrListing, CardOrders())
	}
	if l.Limit < 0 || l.Limit > MaxPage {
		return l, nil, fmt.Errorf("limit %d: %w: expected 1 to %d", l.Limit, ErrListing, MaxPage)
	}
	l.Limit = cmp.Or(l.Limit, DefaultPage)
	if !utf8.ValidString(l.Title) || utf8.RuneCountInString(l.Title) > MaxTitle {
		return l, nil, fmt.Errorf("title: %w: expected at most %d characters of UTF-8", ErrListing, MaxTitle)
	}
	if l.After == "" {
		return l, nil, nil
	}
	after, ok := decodeCursor(l.After)
	if !ok {
		return l, nil, fmt.Errorf("cursor: %w: expected one that came with a page", ErrListing)
	}
	if after.Order != l.Order || after.Descending != l.Descending || after.Title != sumOf(l.Title) {
		return l, nil, fmt.Errorf("cursor: %w: expected one of this listing: it is of order %s, descending %t, or of another title",
			ErrListing, after.Order, after.Descending)
	}
	return l, &after, nil
}

// sortedCard is a card and the value that it is sorted by.
type sortedCard struct {
	card  Card
	value sortValue
}

// sortValue is the value that a card is sorted by. One field is set, or none where the value
// is unknown.
type sortValue struct {
	Number *int64   `json:"n,omitempty"`
	Ratio  *float64 `json:"r,omitempty"`
	Text   *string  `json:"t,omitempty"`
}

// valueOf returns the card's member.
func (o CardOrder) valueOf(card Card) sortValue {
	switch o {
	case ByParticipants:
		return sortValue{Number: &card.Summary.TotalParticipants}
	case ByExposure:
		return sortValue{Number: card.Summary.TotalExposure}
	case ByROI:
		return sortValue{Ratio: card.Summary.ROIPercent}
	case BySalesGrowth:
		return sortValue{Ratio: card.Summary.SalesGrowthPercent}
	case ByCost:
		return sortValue{Number: (*int64)(card.Summary.CostPerParticipant)}
	case ByUpdate:
		if card.UpdatedAt == nil {
			return sortValue{}
		}
		seconds := card.UpdatedAt.Unix() // as it is shown
		return sortValue{Number: &seconds}
	case ByTitle:
		if card.Title == nil {
			return sortValue{}
		}
		begins := firstRunes(*card.Title, sortedRunes)
		return sortValue{Text: &begins}
	case ByCampaign:
		id := string(card.Campaign)
		return sortValue{Text: &id}
	}
	return sortValue{}
}

// compare compares the cards of campaigns c and d, whose values are a and b.
func (l Listing) compare(a sortValue, c events.Campaign, b sortValue, d events.Campaign) int {
	direction := 1
	if l.Descending {
		direction = -1
	}
	return cmp.Or(
		compareKnown(a.Number, b.Number, direction),
		compareKnown(a.Ratio, b.Ratio, direction),
		compareKnown(a.Text, b.Text, direction),
		cmp.Compare(c, d),
	)
}

// compareKnown compares values. An unknown one comes last in both directions.
func compareKnown[T cmp.Ordered](a, b *T, direction int) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	default:
		return direction * cmp.Compare(*a, *b)
	}
}
