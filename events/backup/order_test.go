package backup_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/backup"
)

// busy is a log into which records are read at every call of another reader, before and after it.
type busy struct {
	events.Log
	read func()
}

func (b busy) around() func() { b.read(); return b.read }

func (b busy) Totals(ctx context.Context) (events.Totals, error) {
	defer b.around()()
	return b.Log.Totals(ctx)
}

func (b busy) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	defer b.around()()
	return b.Log.Read(ctx, after, limit)
}

func (b busy) Sources() events.Sources { return busySources{b.Log.Sources(), b} }

func (b busy) DeadLetters() events.DeadLetters { return busyLetters{b.Log.DeadLetters(), b} }

type busySources struct {
	events.Sources
	busy busy
}

func (s busySources) List(ctx context.Context) ([]events.SourceState, error) {
	defer s.busy.around()()
	return s.Sources.List(ctx)
}

type busyLetters struct {
	events.DeadLetters
	busy busy
}

func (l busyLetters) List(ctx context.Context, q events.DeadLetterQuery) ([]events.DeadLetter, error) {
	defer l.busy.around()()
	return l.DeadLetters.List(ctx, q)
}

type keyStore interface{ events.Keys }

// busyKeys is the key store of a busy log.
type busyKeys struct {
	keyStore
	busy busy
}

func (k busyKeys) Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error) {
	defer k.busy.around()()
	return k.keyStore.Campaigns(ctx, after, limit)
}

func (k busyKeys) Added(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign]time.Time, error) {
	defer k.busy.around()()
	return k.keyStore.Added(ctx, campaigns)
}

// TestWhatIsReadMeanwhile reads records between any two steps of a backup: a registration of a new
// campaign with its key, a record that becomes a dead letter, and a dead letter that is revived.
// In the restored log every record before the next one of its source is an event or a dead letter,
// and every campaign with a pseudonym has its key.
func TestWhatIsReadMeanwhile(t *testing.T) {
	t.Parallel()
	from, to := newFiles(t), newFiles(t)
	next := int64(0)
	var buried []int64
	meanwhile := busy{from.log, func() {
		ctx := t.Context()
		campaign := events.Campaign(fmt.Sprintf("evt-%d", next))
		must(t, from.keys.AddKeys(ctx, nil, map[events.Campaign][]byte{campaign: {1}}))
		_, err := from.log.Append(ctx, []events.Draft{draft(t, campaign, next)}, reading(next+1))
		must(t, err)
		must(t, from.log.DeadLetters().Bury(ctx, []events.DeadLetter{letter(next + 1)}, reading(next+2)))
		buried = append(buried, next+1)
		if len(buried) > 3 {
			_, err := from.log.DeadLetters().Revive(ctx, []events.Revival{{Letter: letter(buried[0]).ID, Draft: draft(t, "evt-0", buried[0])}})
			must(t, err)
			buried = buried[1:]
		}
		next += 2
	}}
	for range 40 { // more letters than a page has
		meanwhile.read()
		buried = buried[:min(len(buried), 3)] // the others wait
	}
	dir := filepath.Join(t.TempDir(), "backup")
	must(t, backup.Create(dir))
	_, err := backup.Write(t.Context(), dir, meanwhile, busyKeys{from.keys, meanwhile}, "v1", ignore)
	must(t, err)
	must(t, restore(t.Context(), dir, to, ignore))

	restored, there := heldBy(t, to), make(map[int64]bool)
	for _, e := range restored.Events {
		there[e.Origin.Offset] = true
		if _, ok := restored.Wrapped[e.Event.Subject()]; !ok {
			t.Errorf("campaign %s has no key", e.Event.Subject())
		}
	}
	for _, l := range restored.Letters {
		there[l.Offset] = true
	}
	if len(restored.Sources) != 1 || restored.Sources[0].Next < 80 {
		t.Fatalf("sources: %+v", restored.Sources)
	}
	for offset := range restored.Sources[0].Next {
		if !there[offset] {
			t.Errorf("record %d, before %d, is lost", offset, restored.Sources[0].Next)
		}
	}
}
