package eventstest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"jangbu/events"
)

// Earlier is a store as the release wrote it that had no chain.
type Earlier struct {
	Store
	// Undo are statements that undo what migrations after the fourth do to this store only.
	Undo []string
	// Insert adds an event with its payload of then, at its position, and counts it.
	Insert func(ctx context.Context, r events.Recorded, payload string) error
}

// TestUpgrade tests that opening brings the events of an earlier release to the identity and
// form of this one, and gives them a chain.
func TestUpgrade(t *testing.T, earlier func(t testing.TB) Earlier) {
	t.Parallel()
	e := earlier(t)
	transportID := func(name string) (id events.ID) {
		sum := sha256.Sum256([]byte(name))
		copy(id[:], sum[:])
		return id
	}
	record := func(id string, participant int) (events.Recorded, string) {
		d := events.Recorded{Event: registration("c", participant).Event, OccurredAt: noon(), RecordedAt: noon()}
		if d.ID = transportID(id); id == "" {
			now, _ := events.Upgrade(d)
			d.ID = now.ID
		}
		d.Digest = events.DigestOf(d.Event)
		return d, string(events.AppendStored(nil, d.Event))
	}
	var position events.Position
	insert := func(r events.Recorded, payload string) {
		t.Helper()
		position++
		r.Position = position
		if err := e.Insert(t.Context(), r, payload); err != nil {
			t.Fatal(err)
		}
	}
	created := &events.EventCreated{Campaign: "c", Shop: "s", Title: "한여름", Objective: "신규"}
	insert(events.Recorded{ID: transportID("created"), OccurredAt: noon(), RecordedAt: noon(), Event: created, Digest: events.Digest{1}},
		`{"eventId":"c","storeId":"s","title":"한여름","objective":"신규","ownerPhone":"010-1234-5678","자세히":{"a":[1,2.50]}}`)
	insert(record("first", 1))
	insert(record("again, by another id", 1))
	insert(record("", 2))
	insert(record("before it came without an id", 3))
	insert(record("", 3))
	completed := &events.DistributionCompleted{Campaign: "c", CompletedAt: noon(), Channels: []events.Distribution{{Channel: events.Naver}}}
	insert(events.Recorded{ID: transportID("completed"), OccurredAt: noon(), RecordedAt: noon(), Event: completed, Digest: events.Digest{2}},
		`{"eventId":"c","distributedChannels":[{"channel":"naver","postedBy":"kim"}],"completedAt":"2026-11-23T03:00:00.123456Z"}`)
	insert(events.Recorded{ID: transportID("damaged"), OccurredAt: noon(), RecordedAt: noon(), Event: completed, Digest: events.Digest{3}}, `{"eventId":"c"`)

	log := e.Open(t)
	want := []events.ID{
		transportID("created"), identityOf(registration("c", 1)), transportID("again, by another id"), identityOf(registration("c", 2)),
		transportID("before it came without an id"), identityOf(registration("c", 3)), transportID("completed"),
	}
	read := mustRead(t, log, 0, len(want))
	if err := log.Sources().Trace(t.Context(), read); err != nil {
		t.Errorf("Trace: %v", err)
	}
	link := events.Link{}
	for i, r := range read {
		if r.Origin.Known() {
			t.Errorf("position %d comes from %+v, which no release kept then", r.Position, r.Origin)
		}
		if r.ID != want[i] {
			t.Errorf("position %d has the ID %v, want %v", r.Position, r.ID, want[i])
		}
		if r.Digest != events.DigestOf(r.Event) {
			t.Errorf("position %d has the digest %x, its event %x", r.Position, r.Digest, events.DigestOf(r.Event))
		}
		link = link.Next(r.Digest)
		if got, ok, err := log.Chain().Link(t.Context(), r.Position); err != nil || !ok || got != link {
			t.Errorf("position %d has the link %v, %v, %v, want %v", r.Position, got, ok, err, link)
		}
	}
	// What cannot be read back keeps its digest, and the log goes on after it.
	link = link.Next(events.Digest{3})
	if got, ok, err := log.Chain().Link(t.Context(), position); err != nil || !ok || got != link {
		t.Errorf("the head has the link %v, %v, %v, want %v", got, ok, err, link)
	}
	for n := 1; n <= 3; n++ {
		d := registration("c", n)
		d.ID = identityOf(d)
		wantOutcomes(t, mustAppend(t, log, d), events.Duplicate)
	}
	wantOutcomes(t, mustAppend(t, log, registration("c", 4)), events.Appended)
	// Back to version 3, with events as version 4 leaves them.
	for _, back := range append(slices.Clone(e.Undo), []string{
		`DELETE FROM links`,
		`DELETE FROM goose_db_version WHERE version_id >= 4`,
		`DROP INDEX events_rare`,
		`DROP TABLE erasures`,
		`DROP TABLE accesses`,
		`DROP TABLE withdrawn_rights`,
		`ALTER TABLE log_head DROP COLUMN restoring`,
		`ALTER TABLE links DROP COLUMN origins`,
	}...) {
		if err := e.Exec(t.Context(), back); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", back, err))
		}
	}
	// A second upgrade, as after one that was cut short, comes to the same.
	again := e.Open(t)
	if got, ok, err := again.Chain().Link(t.Context(), position); err != nil || !ok || got != link {
		t.Errorf("upgraded twice, the link is %v, %v, %v, want %v", got, ok, err, link)
	}
}

// identityOf returns the ID of a registration.
func identityOf(d events.Draft) events.ID {
	r, _ := events.Upgrade(events.Recorded{ID: d.ID, Digest: d.Digest, Event: d.Event})
	return r.ID
}
