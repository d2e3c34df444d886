package bus_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

// stores are a log on SQLite and the keys of its campaigns.
type stores struct {
	log    *sqlitelog.Log
	keys   *sqlitelog.Keys
	master privacy.MasterKey
	keeper *privacy.Keeper
}

func newStores(t *testing.T) *stores {
	t.Helper()
	s := &stores{master: privacy.NewMasterKey()}
	dir := t.TempDir()
	var err error
	if s.log, err = sqlitelog.Open(t.Context(), filepath.Join(dir, "log.db"), sqlitelog.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.log.Close() })
	if s.keys, err = sqlitelog.OpenKeys(t.Context(), filepath.Join(dir, "keys.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.keys.Close() })
	s.keeper = s.open(t, s.keys)
	return s
}

func (s *stores) open(t *testing.T, keys events.Keys) *privacy.Keeper {
	t.Helper()
	keeper, err := privacy.Open(t.Context(), keys, s.master)
	if err != nil {
		t.Fatal(err)
	}
	return keeper
}

func (s *stores) retrier(keeper *privacy.Keeper) *bus.Retrier {
	return &bus.Retrier{Log: s.log, Privacy: keeper, Topics: map[events.Type]string{
		events.TypeParticipantRegistered: topic, events.TypeEventCreated: "event-created",
	}, Now: time.Now}
}

// buried buries records, sealed, as a decoder that knew less would have.
func buried(t *testing.T, log events.Log, keeper *privacy.Keeper, records ...events.Record) {
	t.Helper()
	letters := make([]events.DeadLetter, len(records))
	for i, record := range records {
		id, sealed, err := keeper.Seal(record)
		if err != nil {
			t.Fatal(err)
		}
		letters[i] = events.DeadLetter{
			ID: id, Topic: record.Topic, Partition: record.Partition, Offset: record.Offset, Timestamp: record.Timestamp,
			Reason: events.ReasonUnknownType, Detail: "as it was then", Sealed: sealed,
		}
	}
	if err := log.DeadLetters().Bury(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
}

func waiting(t *testing.T, log events.Log) []events.DeadLetter {
	t.Helper()
	letters, err := log.DeadLetters().Waiting(t.Context(), events.DeadLetterQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

// recordsOf makes records of a topic out of values.
func recordsOf(topic string, values ...string) []events.Record {
	records := make([]events.Record, len(values))
	for i, value := range values {
		records[i] = events.Record{
			Topic: topic, Offset: int64(i), Key: []byte("evt-1"), Value: []byte(value),
			Timestamp: time.Date(2026, 11, 23, 0, 0, i, 0, time.UTC),
		}
	}
	return records
}

// TestRetry tries letters of every kind again, without and with consequences.
func TestRetry(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	records := append(
		recordsOf(topic,
			registration("p-0", "010-1234-0000"),
			registration("p-1", "call me"),
			registration("p-0", "010-1234-0000"),
			elsewhere(registration("p-0", "010-9999-9999")),
			registration("p-2", "010-1234-0002"),
			`{"participantId":"p-3"`,
		), recordsOf("event-created",
			`{"eventId":"evt-2","storeId":"store-1","title":"t","objective":"o"}`,
			`{"eventId":"evt-3","storeId":"store-1","title":"t","objective":"o"}`,
			`{"eventId":"evt-3","storeId":"store-1","title":"another","objective":"o"}`,
			`{"eventId":"evt-2","storeId":"store-9","title":"t","objective":"o"}`,
		)...)
	for i := 7; i <= 8; i++ { // the producer's own id, for two contents
		records[i].Headers = []events.Header{{Key: "ce_id", Value: []byte("created-3")}}
	}
	stored, err := events.Decode(events.TypeEventCreated, records[7], records[7].Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.log.Append(t.Context(), []events.Draft{stored.Draft}); err != nil {
		t.Fatal(err)
	}
	records = append(records, recordsOf("renamed", registration("p-4", "010-1234-0004"))...)
	damaged := recordsOf("sealed", registration("p-5", "010-1234-0005"))
	buried(t, s.log, s.keeper, records...)
	buried(t, s.log, newStores(t).keeper, damaged...)

	passed := func(o events.Outcome) bus.Fate { return bus.Fate{Outcome: o} }
	letters := waiting(t, s.log)
	keys := s.keyCount(t)
	tried, err := s.retrier(s.open(t, privacy.Unwritten(s.keys))).Try(t.Context(), letters)
	if err != nil {
		t.Fatal(err)
	}
	if totals, err := s.log.Totals(t.Context()); err != nil || totals.Head != 1 || len(waiting(t, s.log)) != len(records)+1 {
		t.Errorf("a trial has changed the log: %+v, %v", totals, err)
	}
	if now := s.keyCount(t); now != keys {
		t.Errorf("a trial has made keys: %d, before %d", now, keys)
	}
	want := []bus.Fate{
		passed(events.Appended), // evt-2
		passed(events.Duplicate),
		{Outcome: events.Conflict, Reason: events.ReasonConflict, Detail: "with other content"},
		{Outcome: events.OtherShop, Reason: events.ReasonOtherShop, Detail: "jangbu campaigns move"},
		passed(events.Appended), // p-0
		{Reason: events.ReasonMalformed, Detail: "phoneNumber: " + events.ErrPhoneNumber.Error()},
		passed(events.Duplicate),
		{Outcome: events.Conflict, Reason: events.ReasonConflict, Detail: "with other content"},
		passed(events.Appended), // p-2
		{Reason: events.ReasonMalformed, Detail: "is not valid JSON"},
		{Reason: events.ReasonUnknownType, Detail: "its topic is not ingested"},
		{Reason: events.ReasonUnknownType, Detail: "its sealed record is damaged, or was sealed under another master key"},
	}
	fates, err := s.retrier(s.keeper).Retry(t.Context(), letters)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tried, fates); diff != "" {
		t.Errorf("fates (-tried +retried):\n%s", diff)
	}
	if diff := cmp.Diff(want, fates, cmpopts.IgnoreFields(bus.Fate{}, "Detail")); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
	for i, fate := range fates {
		if !strings.Contains(fate.Detail, want[i].Detail) || strings.Contains(fate.Detail, "9999") || fate.Stays() == (fate.Outcome == events.Appended || fate.Outcome == events.Duplicate) {
			t.Errorf("letter %d: %+v, want %+v", i, fate, want[i])
		}
	}
	totals, err := s.log.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if totals.Head != 4 || totals.Duplicates != 2 || totals.DeadLettered != 7 || totals.Received != 13 {
		t.Errorf("totals are %+v", totals)
	}
	again, err := s.retrier(s.keeper).Retry(t.Context(), letters)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !want[i].Stays() {
			want[i] = bus.Fate{}
		}
	}
	if diff := cmp.Diff(want, again, cmpopts.IgnoreFields(bus.Fate{}, "Detail")); diff != "" {
		t.Errorf("fates when tried again (-want +got):\n%s", diff)
	}
}

// keyCount is how many of the campaigns of TestRetry have a key.
func (s *stores) keyCount(t *testing.T) int {
	t.Helper()
	found, err := s.keys.Keys(t.Context(), []events.Campaign{"evt-1", "evt-2"})
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// TestRetriedAsIngested sends traffic through the router, and buries the same
// records to try them again: both become the same events, and are refused with
// the same words. Delivered once more, what was revived is a duplicate.
func TestRetriedAsIngested(t *testing.T) {
	t.Parallel()
	var keeper *privacy.Keeper
	b := setup(t, func(cfg *bus.Ingest) { keeper = cfg.Privacy })
	b.send(t, traffic()...)
	b.settled(t, good, bad)
	ingested, err := b.log.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	refused := waiting(t, b.log)

	s := newStores(t)
	records := make([]events.Record, 0, good+bad)
	for i, value := range traffic() {
		records = append(records, events.Record{Topic: topic, Offset: int64(i), Key: []byte("evt-1"), Value: []byte(value)})
	}
	for _, r := range ingested { // a registration without a time takes its record's
		records[offsetOf(t, r.Event)].Timestamp = r.OccurredAt
	}
	for _, letter := range refused {
		records[letter.Offset].Timestamp = letter.Timestamp
	}
	buried(t, s.log, keeper, records...)
	letters := waiting(t, s.log)
	fates, err := s.retrier(keeper).Retry(t.Context(), letters)
	if err != nil {
		t.Fatal(err)
	}
	retried, err := s.log.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ingested, retried, cmpopts.IgnoreFields(events.Recorded{}, "RecordedAt")); diff != "" {
		t.Errorf("events (-ingested +retried):\n%s", diff)
	}
	for i, left := range refused {
		if got := fates[left.Offset]; got.Reason != left.Reason || got.Detail != left.Detail || letters[left.Offset].ID != left.ID {
			t.Errorf("refusal %d: %+v, when it was ingested %s: %s", i, got, left.Reason, left.Detail)
		}
	}

	// The router's own letters stay as they are; a good one is buried there too, and
	// delivered once it was revived.
	value := registration("p-100", "010-1234-0100")
	b.send(t, value)
	b.settled(t, good+1, bad)
	late := recordsOf(topic, registration("p-101", "010-1234-0101"))
	late[0].Timestamp = time.Now().Add(time.Hour).Truncate(time.Microsecond)
	buried(t, b.log, keeper, late...)
	again := &bus.Retrier{Log: b.log, Privacy: keeper, Topics: map[events.Type]string{events.TypeParticipantRegistered: topic}, Now: time.Now}
	if fates, err = again.Retry(t.Context(), waiting(t, b.log)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, fate := range fates {
		if fate.Outcome == events.Appended {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d letters passed, want 1", n)
	}
	before := b.settled(t, good+2, bad)
	if err := b.producer.Produce(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	b.send(t, registration("p-102", "010-1234-0102")) // behind it
	after := b.settled(t, good+3, bad)
	if after.Duplicates != before.Duplicates+1 {
		t.Errorf("%d duplicates after a revived record was delivered again, before %d", after.Duplicates, before.Duplicates)
	}
}

// offsetOf is the offset at which traffic has the event.
func offsetOf(t *testing.T, e events.Event) (offset int) {
	t.Helper()
	if _, err := fmt.Sscanf(e.(*events.ParticipantRegistered).Participant, "p-%d", &offset); err != nil {
		t.Fatal(err)
	}
	return offset
}

// TestRetryWithDestroyedKey revives a registration whose campaign's key is gone: it
// is kept, without a pseudonym, and no new key is made.
func TestRetryWithDestroyedKey(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	buried(t, s.log, s.keeper, recordsOf(topic, registration("p-0", "010-1234-0000"))...)
	if err := s.keeper.Destroy(t.Context(), "evt-1"); err != nil {
		t.Fatal(err)
	}
	fates, err := s.retrier(s.open(t, s.keys)).Retry(t.Context(), waiting(t, s.log))
	if err != nil || len(fates) != 1 || fates[0].Outcome != events.Appended {
		t.Fatalf("fates %+v, %v", fates, err)
	}
	recorded, err := s.log.Read(t.Context(), 0, 10)
	if err != nil || len(recorded) != 1 {
		t.Fatalf("events %v, %v", recorded, err)
	}
	if p := recorded[0].Event.(*events.ParticipantRegistered).Pseudonym; p != (events.Pseudonym{}) {
		t.Errorf("the registration has the pseudonym %s", p)
	}
	found, err := s.keys.Keys(t.Context(), []events.Campaign{"evt-1"})
	if wrapped, ok := found["evt-1"]; err != nil || !ok || len(wrapped) != 0 {
		t.Errorf("the key's entry is %x, %v: want it there and empty", wrapped, err)
	}
}
