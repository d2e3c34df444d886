package redis

import (
	"encoding/binary"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

const (
	// changesChannel is the Pub/Sub channel of announcements.
	changesChannel = "analytics:changes"
	// noticeFormat is the first byte of an announcement. One with another is ignored.
	noticeFormat = 3
)

// notice returns the announcement of a change: the format, both revisions in their digits, each
// campaign after its length, and a MAC.
func (a *authenticator) notice(ch readmodel.Change) []byte {
	b := append([]byte{noticeFormat}, ch.From.String()+ch.To.String()...)
	for _, c := range ch.Campaigns {
		b = append(binary.AppendUvarint(b, uint64(len(c))), c...)
	}
	return a.seal(forNotice, b)
}

func (a *authenticator) change(message string) (ch readmodel.Change, err error) {
	body, ok := a.opened(forNotice, message)
	if !ok {
		return ch, errForged
	}
	if body == "" || body[0] != noticeFormat {
		return ch, errUnusable
	}
	from, body, some := cutRevision(body[1:])
	to, body, all := cutRevision(body)
	if !some || !all {
		return ch, errUnusable
	}
	ch.From, ch.To = from, to
	for rest := []byte(body); len(rest) > 0; {
		n, used := binary.Uvarint(rest)
		if used <= 0 || n > uint64(len(rest)-used) || len(ch.Campaigns) == cache.MaxNamed {
			return readmodel.Change{}, errUnusable
		}
		end := used + int(n)
		ch.Campaigns = append(ch.Campaigns, events.Campaign(rest[used:end]))
		rest = rest[end:]
	}
	return ch, nil
}
