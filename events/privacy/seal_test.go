package privacy_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/events/privacy"
)

// anyRecord draws a record, with nil and empty parts.
func anyRecord() *rapid.Generator[events.Record] {
	return rapid.Custom(func(t *rapid.T) events.Record {
		part := rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOfN(rapid.Byte(), 0, 40))
		rec := events.Record{
			Topic:     rapid.String().Draw(t, "topic"),
			Partition: rapid.Int32Min(0).Draw(t, "partition"),
			Offset:    rapid.Int64Min(0).Draw(t, "offset"),
			Timestamp: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "timestamp")).UTC(),
			Key:       part.Draw(t, "key"),
			Value:     part.Draw(t, "value"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			rec.Headers = append(rec.Headers, events.Header{Key: rapid.String().Draw(t, "name"), Value: part.Draw(t, "header")})
		}
		return rec
	})
}

func newKeeper(t testing.TB, master privacy.MasterKey) *privacy.Keeper {
	t.Helper()
	return openKeeper(t, &watchedKeys{stored: map[events.Campaign][]byte{}}, master)
}

func TestSealedRecordsComeBack(t *testing.T) {
	t.Parallel()
	master := privacy.NewMasterKey()
	k, other := newKeeper(t, master), newKeeper(t, master)
	rapid.Check(t, func(t *rapid.T) {
		rec := anyRecord().Draw(t, "record")
		id, sealed, err := k.Seal(rec)
		if err != nil {
			t.Fatal(err)
		}
		back, err := other.Unseal(t.Context(), sealed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rec, back); diff != "" {
			t.Errorf("unsealed record (-want +got):\n%s", diff)
		}
		again, resealed, err := other.Seal(back)
		if err != nil || again != id {
			t.Errorf("another delivery has ID %s, %v; want %s", again, err, id)
		}
		if bytes.Equal(sealed, resealed) {
			t.Error("two seals of a record are equal: the nonce was used twice")
		}
		if parsed, err := events.ParseID(id.String()); err != nil || parsed != id || id[6]>>4 != 8 {
			t.Errorf("ID %s is no UUID of version 8", id)
		}

		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "damaged byte")
		sealed[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "damaged bit")
		if _, err := k.Unseal(t.Context(), sealed); !errors.Is(err, privacy.ErrSealed) {
			t.Errorf("Unseal of damaged bytes = %v, want %v", err, privacy.ErrSealed)
		}
	})
}

func TestDifferentRecordsHaveDifferentIDs(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, privacy.NewMasterKey())
	base := events.Record{
		Topic: "t", Partition: 1, Offset: 2, Timestamp: time.UnixMicro(3), Key: []byte("ab"), Value: []byte("c"),
		Headers: []events.Header{{Key: "d", Value: []byte("e")}},
	}
	seen := map[events.ID]string{}
	for name, change := range map[string]func(r *events.Record){
		"base":      func(*events.Record) {},
		"topic":     func(r *events.Record) { r.Topic = "u" },
		"partition": func(r *events.Record) { r.Partition = 0 },
		"offset":    func(r *events.Record) { r.Offset = 3 },
		"timestamp": func(r *events.Record) { r.Timestamp = time.UnixMicro(4) },
		"boundary":  func(r *events.Record) { r.Key, r.Value = []byte("a"), []byte("bc") },
		"headers":   func(r *events.Record) { r.Headers = nil },
		"header":    func(r *events.Record) { r.Headers = []events.Header{{Key: "de"}} },
	} {
		rec := base
		change(&rec)
		id, _, err := k.Seal(rec)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s have the same ID", name, other)
		}
		seen[id] = name
	}
	// The ID tells nothing without the key: it is another under another one.
	id, sealed, err := newKeeper(t, privacy.NewMasterKey()).Seal(base)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := seen[id]; ok {
		t.Error("two master keys give one ID")
	}
	if _, err := k.Unseal(t.Context(), sealed); !errors.Is(err, privacy.ErrSealed) {
		t.Errorf("Unseal under another master key = %v, want %v", err, privacy.ErrSealed)
	}
}
