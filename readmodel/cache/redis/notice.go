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
	noticeFormat = 2
)

func (a *authenticator) notice(ch readmodel.Change) []byte {
	b := []byte{noticeFormat}
	b = appendRevision(b, ch.From)
	b = appendRevision(b, ch.To)
	b = binary.AppendUvarint(b, uint64(len(ch.Campaigns)))
	for _, c := range ch.Campaigns {
		b = appendText(b, string(c))
	}
	return a.seal(forNotice, b)
}

func (a *authenticator) change(message string) (readmodel.Change, error) {
	body, ok := a.opened(forNotice, message)
	if !ok {
		return readmodel.Change{}, errForged
	}
	d := &decoder{rest: body}
	if d.byte() != noticeFormat {
		return readmodel.Change{}, errUnusable
	}
	ch := readmodel.Change{From: d.revision(), To: d.revision()}
	if n := d.count(1); n > 0 && n <= cache.MaxNamed {
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
