package redis

import (
	"encoding/binary"
	"encoding/hex"
	"errors"

	"jangbu/events"
	"jangbu/readmodel"
)

// maxValue is the longest value that is written, and the most that is read of one, in bytes:
// the rows of a campaign that has had registrations in 20,000 hours.
const maxValue = 64 << 10

var (
	// errForged: what Redis holds or sent was not made with this key, or was damaged.
	errForged = errors.New("not made with this key")
	// errUnusable: what Redis holds or sent is of another program, or about something else.
	errUnusable = errors.New("unusable value")
)

// codec encodes a campaign's rows for Redis, and decodes them. A value is the revision in its
// ordered digits, by which scripts compare, then what a [readmodel.Codec] makes of the rows,
// and a MAC of it all. A tombstone is the revision alone.
type codec struct {
	*authenticator
	rows readmodel.Codec
}

func newCodec(tables []*readmodel.Table, a *authenticator) codec {
	return codec{a, readmodel.NewCodec(tables...)}
}

// encode returns the rows as they are kept in Redis. It reports false where they are not
// all of the campaign, of no revision, of a table that the codec lacks, or too long.
func (k codec) encode(c events.Campaign, rows readmodel.CampaignRows) ([]byte, bool) {
	if rows.Revision.Incarnation == 0 || rows.Campaign().Campaign != c {
		return nil, false
	}
	tables := 0
	b, ok := k.rows.Append([]byte(rows.Revision.String()), c, func(t *readmodel.Table) []any {
		if rows.Tables[t.Name] != nil {
			tables++
		}
		return rows.Of(t)
	})
	if !ok || tables != len(rows.Tables) {
		return nil, false
	}
	b = k.seal(forValue, b)
	return b, len(b) <= maxValue
}

// isTombstone reports whether the value stands for rows that are still to be read.
func isTombstone(value string) bool { return len(value) == readmodel.RevisionDigits }

// decode returns the rows that encode was given: errForged where the value was not made
// with this key, errUnusable where it is of other tables, another form or another campaign.
// Every value that encode makes of rows differs in its MAC by revision, incarnation and
// campaign, so none can take the place of another one.
func (k codec) decode(value string, c events.Campaign) (readmodel.CampaignRows, error) {
	body, ok := k.opened(forValue, value)
	if !ok {
		return readmodel.CampaignRows{}, errForged
	}
	revision, body, ok := cutRevision(body)
	if !ok {
		return readmodel.CampaignRows{}, errUnusable
	}
	of, rows, err := k.rows.Decode(body)
	if err != nil || of != c || rows.Campaign().Campaign != c {
		return readmodel.CampaignRows{}, errUnusable
	}
	rows.Revision = revision
	return rows, nil
}

// cutRevision reads what [readmodel.Revision.String] wrote, and returns what follows.
func cutRevision(s string) (r readmodel.Revision, rest string, ok bool) {
	if len(s) < readmodel.RevisionDigits {
		return r, "", false
	}
	var b [readmodel.RevisionDigits / 2]byte
	if _, err := hex.Decode(b[:], []byte(s[:readmodel.RevisionDigits])); err != nil {
		return r, "", false
	}
	r = readmodel.Revision{
		Incarnation: int64(binary.BigEndian.Uint64(b[:])),
		Edits:       int64(binary.BigEndian.Uint64(b[8:])),
		Position:    events.Position(binary.BigEndian.Uint64(b[16:])),
	}
	return r, s[readmodel.RevisionDigits:], true
}
