package redis

import (
	"encoding/binary"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// changesChannel is the Pub/Sub channel of announcements.
	changesChannel = "analytics:changes"
	// noticeFormat is the first byte of an announcement. One with another is ignored.
	noticeFormat = 1
)

func appendNotice(b []byte, ch readmodel.Change) []byte {
	b = append(b, noticeFormat)
	b = appendRevision(b, ch.From)
	b = appendRevision(b, ch.To)
	b = binary.AppendUvarint(b, uint64(len(ch.Campaigns)))
	for _, c := range ch.Campaigns {
		b = appendText(b, string(c))
	}
	return seal(b)
}

func decodeNotice(message string) (readmodel.Change, error) {
	body, ok := sealed(message)
	d := &decoder{rest: body}
	if !ok || d.byte() != noticeFormat {
		return readmodel.Change{}, errUnusable
	}
	ch := readmodel.Change{From: d.revision(), To: d.revision()}
	if n := d.count(1); n > 0 {
		ch.Campaigns = make([]events.Campaign, n)
	}
	for i := range ch.Campaigns {
		ch.Campaigns[i] = events.Campaign(d.text())
	}
	if !d.done() {
		return readmodel.Change{}, errUnusable
	}
	return ch, nil
}
