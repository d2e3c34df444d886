package cache

import (
	"encoding/binary"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// changesChannel is where commits are announced.
	changesChannel = "analytics:changes"
	// noticeFormat is the form of an announcement. What has another is not used.
	noticeFormat = 1
	// maxNamed is the most campaigns that a notice names. One that would name more
	// names none and is a gap to everybody, which costs them less.
	maxNamed = 10_000
)

// bounded returns the change, or a gap in its place where it names too many.
func bounded(ch readmodel.Change) readmodel.Change {
	if len(ch.Campaigns) > maxNamed {
		return readmodel.Change{From: ch.To, To: ch.To}
	}
	return ch
}

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
