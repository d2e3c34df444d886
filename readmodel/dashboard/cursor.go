package dashboard

import (
	"encoding/base64"
	"encoding/json"

	"jangbu/events"
)

// cursor names the card after which a page begins, and its listing.
type cursor struct {
	Order      CardOrder       `json:"o"`
	Descending bool            `json:"d"`
	Title      string          `json:"q"`
	Value      sortValue       `json:"v"`
	Campaign   events.Campaign `json:"c"`
}

// encode returns the cursor as one word that a URL can hold.
func (c cursor) encode() string {
	b, _ := json.Marshal(c) // cannot fail: ratios are finite (I11)
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor returns the cursor of a word. It accepts only a word that encode makes of a
// cursor whose value is of its order.
func decodeCursor(word string) (c cursor, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(word)
	if err != nil || json.Unmarshal(b, &c) != nil || c.encode() != word {
		return cursor{}, false
	}
	kind := c.Value
	switch c.Order {
	case ByParticipants, ByExposure, ByCost, ByUpdate:
		kind.Number = nil
	case ByROI, BySalesGrowth:
		kind.Ratio = nil
	case ByTitle, ByCampaign:
		kind.Text = nil
	}
	return c, kind == sortValue{}
}
