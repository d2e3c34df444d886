package eventstest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"jangbu/events"
)

// model is the contract of the log, in memory.
type model struct {
	base   events.Totals // those of the store when the model began
	events []events.Recorded
	stored map[string]events.Digest
	buried map[events.ID]*events.DeadLetter
	totals events.Totals // without base
}

func (m *model) append(drafts []events.Draft) []events.Outcome {
	var outcomes []events.Outcome
	for _, d := range drafts {
		key := string(d.Event.Subject()) + "\x00" + d.ID.String()
		stored, known := m.stored[key]
		switch {
		case !known:
			m.stored[key] = d.Digest
			m.totals.Head++
			m.totals.Received++
			m.events = append(m.events, recordedOf(d, m.base.Head+m.totals.Head))
			outcomes = append(outcomes, events.Appended)
		case d.OutcomeBeside(stored) == events.Conflict:
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
		if m.buried[d.ID] != nil {
			m.totals.Duplicates++
		} else {
			m.totals.DeadLettered++
			m.buried[d.ID] = &d
		}
	}
}

func (m *model) revive(revivals []events.Revival) (outcomes []events.Outcome) {
	named := map[events.ID]bool{}
	for _, r := range revivals {
		d := m.buried[r.Letter]
		if d == nil || d.Discarded != nil || named[r.Letter] {
			outcomes = append(outcomes, 0)
			continue
		}
		named[r.Letter] = true
		outcome := m.append([]events.Draft{r.Draft})[0]
		if reason, detail := outcome.Refusal(r.Draft.ID); reason != "" {
			d.Reason, d.Detail = reason, detail
		} else {
			delete(m.buried, r.Letter)
			m.totals.DeadLettered--
			m.totals.Received-- // counted when it was buried
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}

func (m *model) discard(letters []events.ID, by events.Discarded) (n int) {
	for _, id := range letters {
		if d := m.buried[id]; d != nil && d.Discarded == nil {
			d.Discarded, d.Sealed = &by, nil
			m.totals.Discarded++
			n++
		}
	}
	return n
}

// testModel runs random appends, burials, revivals and discards against store and
// model. The runs share a store, each with its own campaigns and letters, so that
// shrinking a failing run does not create hundreds of stores.
func testModel(t *testing.T, a Adapter) {
	rule(t, a, "the log does what the model does", func(t *testing.T, s Store) {
		handles := []events.Log{s.Open(t), s.Open(t)}
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			m := &model{base: mustTotals(t, handles[0]), stored: map[string]events.Digest{}, buried: map[events.ID]*events.DeadLetter{}}
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				m.step(rt, t, run, rapid.SampledFrom(handles).Draw(rt, "handle"))
			}
			m.compare(rt, t, run, rapid.SampledFrom(handles).Draw(rt, "reader"))
		})
	})
}

// lettersOfRun is the number of letters of a run.
const lettersOfRun = 4

func letterOfRun(run, n int) events.DeadLetter {
	return letter(run<<8+n, []events.Reason{events.ReasonMalformed, events.ReasonUnknownType}[n%2])
}

// step applies one random operation to the log and to the model.
func (m *model) step(rt *rapid.T, t *testing.T, run int, log events.Log) {
	anyLetter := rapid.Map(rapid.IntRange(0, lettersOfRun-1), func(n int) events.DeadLetter { return letterOfRun(run, n) })
	switch kind := rapid.IntRange(0, 6).Draw(rt, "kind"); kind {
	case 0, 1:
		letters := rapid.SliceOfN(anyLetter, 0, 4).Draw(rt, "letters")
		if err := log.DeadLetters().Bury(t.Context(), letters); err != nil {
			rt.Fatalf("Bury: %v", err)
		}
		m.bury(letters)
	case 2, 3:
		revivals := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) events.Revival {
			return events.Revival{Letter: anyLetter.Draw(rt, "letter").ID, Draft: anyDraft(run).Draw(rt, "draft")}
		}), 0, 6).Draw(rt, "revivals")
		got, err := log.DeadLetters().Revive(t.Context(), revivals)
		if err != nil {
			rt.Fatalf("Revive: %v", err)
		}
		if diff := cmp.Diff(m.revive(revivals), got); diff != "" {
			rt.Fatalf("outcomes of revivals (-model +log):\n%s", diff)
		}
	case 4:
		letters := rapid.SliceOfN(rapid.Map(anyLetter, func(d events.DeadLetter) events.ID { return d.ID }), 0, 2).Draw(rt, "discarded")
		by := events.Discarded{By: "model", Why: "test"}
		n, err := log.DeadLetters().Discard(t.Context(), letters, by)
		if want := m.discard(letters, by); err != nil || n != want {
			rt.Fatalf("Discard: %d, %v; model %d", n, err, want)
		}
	default:
		drafts := rapid.SliceOfN(anyDraft(run), 0, 8).Draw(rt, "drafts")
		got, err := log.Append(t.Context(), drafts)
		if err != nil {
			rt.Fatalf("Append: %v", err)
		}
		if diff := cmp.Diff(m.append(drafts), got.Outcomes, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("outcomes (-model +log):\n%s", diff)
		}
		if added := got.Recorded(drafts); len(added) > 0 {
			if diff := cmp.Diff(mustRead(t, log, got.First-1, len(added)), added); diff != "" {
				rt.Fatalf("what the receipt says was added (-log +receipt):\n%s", diff)
			}
		}
	}
}

// compare checks the account, every event that the run has appended and every
// letter that it has buried.
func (m *model) compare(rt *rapid.T, t *testing.T, run int, log events.Log) {
	for n := range lettersOfRun {
		id := letterOfRun(run, n).ID
		got, err := log.DeadLetters().Get(t.Context(), id)
		want := m.buried[id]
		if want == nil {
			if !errors.Is(err, events.ErrNoDeadLetter) {
				rt.Fatalf("letter %d is %+v, %v; the model has none", n, got, err)
			}
			continue
		}
		if err != nil {
			rt.Fatalf("letter %d: %v", n, err)
		}
		if diff := cmp.Diff(*want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(events.DeadLetter{}, "BuriedAt"),
			cmpopts.IgnoreFields(events.Discarded{}, "At")); diff != "" {
			rt.Fatalf("letter %d (-model +log):\n%s", n, diff)
		}
	}
	got := mustTotals(t, log)
	want := events.Totals{
		Head:         m.base.Head + m.totals.Head,
		Received:     m.base.Received + m.totals.Received,
		Duplicates:   m.base.Duplicates + m.totals.Duplicates,
		DeadLettered: m.base.DeadLettered + m.totals.DeadLettered,
		Discarded:    m.base.Discarded + m.totals.Discarded,
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

// anyDraft draws from few identities and contents, so that most drafts repeat one.
func anyDraft(run int) *rapid.Generator[events.Draft] {
	return rapid.Custom(func(rt *rapid.T) events.Draft {
		d := registration(
			events.Campaign(fmt.Sprintf("run-%d-%d", run, rapid.IntRange(0, 1).Draw(rt, "campaign"))),
			rapid.IntRange(0, 4).Draw(rt, "participant"))
		e := *d.Event.(*events.ParticipantRegistered)
		if rapid.Bool().Draw(rt, "content") {
			e.Region = "another region"
		}
		switch rapid.IntRange(0, 3).Draw(rt, "pseudonym") {
		case 0:
			e.Pseudonym = events.Pseudonym{}
		case 1:
			e.Pseudonym = pseudonymOf("another person")
		}
		d.Event, d.Digest = &e, events.DigestOf(&e)
		return d
	})
}
