package dashboard

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"hash/crc64"
	"strconv"

	"jangbu/events"
)

// cursor names the card after which a page begins, and its listing.
type cursor struct {
	Order      CardOrder       `json:"o"`
	Descending bool            `json:"d"`
	Title      string          `json:"q"` // sumOf it
	Value      sortValue       `json:"v"`
	Campaign   events.Campaign `json:"c"`
}

// sumOf returns a short word for a title.
func sumOf(title string) string {
	return strconv.FormatUint(crc64.Checksum([]byte(title), crc64.MakeTable(crc64.ECMA)), 36)
}

// encode returns the cursor as one word that a URL can hold.
func (c cursor) encode() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it would make a character six
	_ = e.Encode(c)        // cannot fail: ratios are finite (I11)
	return base64.RawURLEncoding.EncodeToString(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
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
