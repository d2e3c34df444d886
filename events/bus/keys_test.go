package bus_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

// inner is embedded under a name that is not that of its method.
type inner = events.Keys

// damagedKeys is a key store whose entry of one campaign is damaged, until it is mended.
type damagedKeys struct {
	inner
	campaign events.Campaign
	damaged  atomic.Bool
}

func (k *damagedKeys) Keys(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	found, err := k.inner.Keys(ctx, campaigns)
	if entry, ok := found[k.campaign]; ok && k.damaged.Load() {
		entry = bytes.Clone(entry)
		entry[len(entry)/2] ^= 1
		found[k.campaign] = entry
	}
	return found, err
}

// TestDamagedKeyParksItsCampaign: the registrations of a campaign whose key is damaged are
// dead letters, those of the others of the partition are events; once the entry is mended,
// a retry makes events of the letters (I5).
func TestDamagedKeyParksItsCampaign(t *testing.T) {
	t.Parallel()
	lite, err := sqlitelog.OpenKeys(t.Context(), filepath.Join(t.TempDir(), "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lite.Close() })
	keys := &damagedKeys{inner: lite, campaign: "evt-2"}
	keys.damaged.Store(true)
	keeper, err := privacy.Open(t.Context(), keys, privacy.NewMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(cfg *bus.Ingest) { cfg.Privacy = keeper })
	const each = 30
	var values []string
	for i := range each {
		for _, campaign := range []string{"evt-1", "evt-2", "evt-3"} {
			values = append(values, fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d"}`, i, campaign, i))
		}
	}
	b.send(t, values...)
	b.settled(t, 2*each, each)
	letters := waiting(t, b.log)
	for _, letter := range letters {
		if letter.Reason != events.ReasonKey {
			t.Errorf("letter of offset %d is %s: %s", letter.Offset, letter.Reason, letter.Detail)
		}
	}
	retry := func(want events.Outcome) {
		t.Helper()
		retrier := &bus.Retrier{Log: b.log, Privacy: keeper, Topics: map[events.Type]string{events.TypeParticipantRegistered: topic}, Now: time.Now}
		fates, err := retrier.Retry(t.Context(), letters)
		if err != nil {
			t.Fatal(err)
		}
		for i, fate := range fates {
			if fate.Outcome != want || fate.Stays() != (want == 0) {
				t.Fatalf("letter %d: %+v, want outcome %v", i, fate, want)
			}
		}
	}
	retry(0)
	keys.damaged.Store(false)
	retry(events.Appended)
	if totals := b.settled(t, 3*each, 0); totals.Received != 3*each || totals.Duplicates != 0 {
		t.Errorf("the account is %+v", totals)
	}
	recorded, err := b.log.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recorded {
		if r.Event.(*events.ParticipantRegistered).Pseudonym == (events.Pseudonym{}) {
			t.Errorf("the registration at position %d has no pseudonym", r.Position)
		}
	}
}
