package redis

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// A value in Redis is the revision in its ordered digits, by which scripts compare,
// then a format, the campaign and its rows, and a checksum of it all. A tombstone is
// the revision alone.

// valueFormat is the form of what follows the revision. What has another is not
// used.
const valueFormat = 1

// appendValue appends the rows as they are kept in Redis. It reports false where
// they are not all of the campaign, or of no revision.
func appendValue(b []byte, c events.Campaign, rows readmodel.CampaignRows) ([]byte, bool) {
	if rows.Revision.Incarnation == 0 || rows.Event.Campaign != c {
		return nil, false
	}
	b = append(b, rows.Revision.String()...)
	b = append(b, valueFormat)
	b = appendText(b, string(c))
	b = appendEvent(b, rows.Event)
	b = binary.AppendUvarint(b, uint64(len(rows.Channels)))
	for i := range rows.Channels {
		if rows.Channels[i].Campaign != c {
			return nil, false
		}
		b = appendChannel(b, &rows.Channels[i])
	}
	b = binary.AppendUvarint(b, uint64(len(rows.Hours)))
	var last int64
	for _, row := range rows.Hours {
		if row.Campaign != c || row.Hour.Nanosecond() != 0 {
			return nil, false
		}
		// From the last one, since most follow each other.
		b = binary.AppendVarint(b, row.Hour.Unix()-last)
		b = binary.AppendVarint(b, row.Participants)
		last = row.Hour.Unix()
	}
	b = binary.AppendUvarint(b, uint64(len(rows.Profiles)))
	for _, row := range rows.Profiles {
		if row.Campaign != c {
			return nil, false
		}
		b = appendText(b, string(row.Dimension))
		b = appendText(b, row.Value)
		b = binary.AppendVarint(b, row.Participants)
	}
	return seal(b), true
}

func appendEvent(b []byte, row readmodel.EventStats) []byte {
	known := byte(0)
	if row.Known {
		known = 1
	}
	b = append(b, known)
	b = appendText(b, string(row.Shop))
	b = appendText(b, row.Title)
	b = appendText(b, row.Objective)
	b = appendTime(b, row.StartsAt)
	b = appendTime(b, row.EndsAt)
	for _, w := range []*events.Won{row.PrizeCost, row.PlatformCost, row.ExpectedSalesIncrease, row.BaselineSales, row.NewCustomerLTV} {
		b = appendWon(b, w)
	}
	b = binary.AppendVarint(b, row.Participants)
	b = binary.AppendVarint(b, row.NewCustomers)
	b = binary.AppendVarint(b, int64(row.Position))
	return appendTime(b, row.UpdatedAt)
}

func appendChannel(b []byte, row *readmodel.ChannelStats) []byte {
	b = appendText(b, row.Channel)
	b = appendTime(b, row.DistributedAt)
	b = binary.AppendVarint(b, int64(row.Cost))
	b = binary.AppendVarint(b, row.Participants)
	for _, f := range []readmodel.Figure{row.Impressions, row.Views, row.Clicks, row.Likes, row.Comments, row.Shares} {
		b = binary.AppendVarint(b, f.Value)
		b = appendTime(b, f.At)
	}
	return appendTime(b, row.FetchedAt)
}

// isTombstone reports whether the value stands for rows that nobody has read yet.
func isTombstone(value string) bool { return len(value) == readmodel.RevisionDigits }

// decodeValue returns the rows that [appendValue] was given; false where the value
// is another thing, is damaged, or is about another campaign.
func decodeValue(value string, c events.Campaign) (readmodel.CampaignRows, bool) {
	body, ok := sealed(value)
	if !ok || len(body) < readmodel.RevisionDigits {
		return readmodel.CampaignRows{}, false
	}
	rows := readmodel.CampaignRows{}
	if rows.Revision, ok = parseRevision(body[:readmodel.RevisionDigits]); !ok {
		return readmodel.CampaignRows{}, false
	}
	d := &decoder{rest: body[readmodel.RevisionDigits:]}
	if d.byte() != valueFormat || d.text() != string(c) {
		return readmodel.CampaignRows{}, false
	}
	rows.Event = d.event(c)
	if n := d.count(25); n > 0 {
		rows.Channels = make([]readmodel.ChannelStats, n)
	}
	for i := range rows.Channels {
		d.channel(c, &rows.Channels[i])
	}
	if n := d.count(2); n > 0 {
		rows.Hours = make([]readmodel.ParticipationHour, n)
	}
	var last int64
	for i := range rows.Hours {
		last += d.signed()
		rows.Hours[i].HourKey = readmodel.HourKey{Campaign: c, Hour: time.Unix(last, 0).UTC()}
		rows.Hours[i].Participants = d.signed()
	}
	if n := d.count(3); n > 0 {
		rows.Profiles = make([]readmodel.ProfileCount, n)
	}
	for i := range rows.Profiles {
		rows.Profiles[i].ProfileKey = readmodel.ProfileKey{Campaign: c, Dimension: readmodel.Dimension(d.text()), Value: d.text()}
		rows.Profiles[i].Participants = d.signed()
	}
	if !d.done() {
		return readmodel.CampaignRows{}, false
	}
	return rows, true
}

func (d *decoder) event(c events.Campaign) readmodel.EventStats {
	return readmodel.EventStats{
		Campaign:              c,
		Known:                 d.bool(),
		Shop:                  events.Shop(d.text()),
		Title:                 d.text(),
		Objective:             d.text(),
		StartsAt:              d.time(),
		EndsAt:                d.time(),
		PrizeCost:             d.won(),
		PlatformCost:          d.won(),
		ExpectedSalesIncrease: d.won(),
		BaselineSales:         d.won(),
		NewCustomerLTV:        d.won(),
		Participants:          d.signed(),
		NewCustomers:          d.signed(),
		Position:              events.Position(d.signed()),
		UpdatedAt:             d.time(),
	}
}

func (d *decoder) channel(c events.Campaign, row *readmodel.ChannelStats) {
	row.ChannelKey = readmodel.ChannelKey{Campaign: c, Channel: d.text()}
	row.DistributedAt = d.time()
	row.Cost = events.Won(d.signed())
	row.Participants = d.signed()
	for _, f := range []*readmodel.Figure{&row.Impressions, &row.Views, &row.Clicks, &row.Likes, &row.Comments, &row.Shares} {
		f.Value, f.At = d.signed(), d.time()
	}
	row.FetchedAt = d.time()
}

// parseRevision reads what [readmodel.Revision.String] wrote.
func parseRevision(digits string) (readmodel.Revision, bool) {
	var b [readmodel.RevisionDigits / 2]byte
	if n, err := hex.Decode(b[:], []byte(digits)); err != nil || n != len(b) {
		return readmodel.Revision{}, false
	}
	r := readmodel.Revision{
		Incarnation: int64(binary.BigEndian.Uint64(b[:])),
		Edits:       int64(binary.BigEndian.Uint64(b[8:])),
		Position:    events.Position(binary.BigEndian.Uint64(b[16:])),
	}
	return r, true
}
