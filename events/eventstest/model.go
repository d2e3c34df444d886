package eventstest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
)

// model is the log as the contract tells it, in memory.
type model struct {
	base   events.Totals // of the store when the model began
	events []events.Recorded
	held   map[string]events.Digest
	buried map[events.ID]bool
	totals events.Totals // without base
}

func (m *model) append(drafts []events.Draft) []events.Outcome {
	var outcomes []events.Outcome
	for _, d := range drafts {
		key := string(d.Event.Subject()) + "\x00" + d.ID.String()
		held, known := m.held[key]
		switch {
		case !known:
			m.held[key] = d.Digest
			m.totals.Head++
			m.totals.Received++
			m.events = append(m.events, recordedOf(d, m.base.Head+m.totals.Head))
			outcomes = append(outcomes, events.Appended)
		case held.Conflicts(d.Digest):
			outcomes = append(outcomes, events.Conflict)
		default:
			m.totals.Received++
			m.totals.Duplicates++
			outcomes = append(outcomes, events.Duplicate)
		}
	}
	return outcomes
}

func (m *model) bury(letters []events.DeadLetter) {
	for _, d := range letters {
		m.totals.Received++
		if m.buried[d.ID] {
			m.totals.Duplicates++
		} else {
			m.totals.DeadLettered++
			m.buried[d.ID] = true
		}
	}
}

// testModel runs random appends and burials against store and model. The runs
// share a store, each with campaigns of its own, so that a failing one can be
// shrunk without making stores by the hundred.
func testModel(t *testing.T, a Adapter) {
	rule(t, a, "the log does what the model does", func(t *testing.T, s Store) {
		handles := []Log{s.Open(t), s.Open(t)}
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			m := &model{base: mustTotals(t, handles[0]), held: map[string]events.Digest{}, buried: map[events.ID]bool{}}
			for range rapid.IntRange(1, 6).Draw(rt, "steps") {
				log := rapid.SampledFrom(handles).Draw(rt, "handle")
				if rapid.IntRange(0, 4).Draw(rt, "kind") == 0 {
					letters := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) events.DeadLetter {
						return letter(run<<8+rapid.IntRange(0, 3).Draw(rt, "letter"), events.ReasonMalformed)
					}), 0, 4).Draw(rt, "letters")
					if err := log.Bury(t.Context(), letters); err != nil {
						rt.Fatalf("Bury: %v", err)
					}
					m.bury(letters)
					continue
				}
				drafts := rapid.SliceOfN(anyDraft(run), 0, 8).Draw(rt, "drafts")
				got, err := log.Append(t.Context(), drafts)
				if err != nil {
					rt.Fatalf("Append: %v", err)
				}
				if diff := cmp.Diff(m.append(drafts), got); diff != "" {
					rt.Fatalf("outcomes (-model +log):\n%s", diff)
				}
			}
			m.compare(rt, t, rapid.SampledFrom(handles).Draw(rt, "reader"))
		})
	})
}

// compare checks the account and every event that the run has appended.
func (m *model) compare(rt *rapid.T, t *testing.T, log Log) {
	got := mustTotals(t, log)
	want := events.Totals{
		Head:         m.base.Head + m.totals.Head,
		Received:     m.base.Received + m.totals.Received,
		Duplicates:   m.base.Duplicates + m.totals.Duplicates,
		DeadLettered: m.base.DeadLettered + m.totals.DeadLettered,
		RecordedAt:   got.RecordedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("totals (-model +log):\n%s", diff)
	}
	read := mustRead(t, log, m.base.Head, len(m.events)+1)
	before := m.base.RecordedAt
	for i, r := range read {
		if i < len(m.events) {
			m.events[i].RecordedAt = r.RecordedAt
		}
		if r.RecordedAt.Before(before) {
			rt.Fatalf("position %d: recorded at %v, before %v", r.Position, r.RecordedAt, before)
		}
		before = r.RecordedAt
	}
	if diff := diffRecorded(m.events, read); diff != "" {
		rt.Fatalf("events (-model +log):\n%s", diff)
	}
	if !got.RecordedAt.Equal(before) {
		rt.Fatalf("Totals.RecordedAt = %v, want %v", got.RecordedAt, before)
	}
}

// anyDraft draws from few identities and contents, so that most of them meet.
func anyDraft(run int) *rapid.Generator[events.Draft] {
	return rapid.Custom(func(rt *rapid.T) events.Draft {
		d := registration(
			events.Campaign(fmt.Sprintf("run-%d-%d", run, rapid.IntRange(0, 1).Draw(rt, "campaign"))),
			rapid.IntRange(0, 4).Draw(rt, "participant"))
		d.Digest[0] ^= byte(rapid.IntRange(0, 1).Draw(rt, "content"))
		switch rapid.IntRange(0, 3).Draw(rt, "pseudonym") {
		case 0:
			d.Digest = d.Digest.WithPseudonym(events.Pseudonym{})
		case 1:
			d.Digest = d.Digest.WithPseudonym(pseudonymOf("somebody else"))
		}
		return d
	})
}
