package gauntlet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// written is a recorded run, as a pipeline without faults would leave it.
type written struct {
	lines    []Line
	sent     []Produced
	log      []logged
	letters  []Produced
	totals   map[string]int64
	answered map[string]map[string]any
	rebuilt  map[string]map[string]any
}

// undisturbed returns the run of 450 records and one withdrawal.
func undisturbed(t *testing.T) *written {
	t.Helper()
	w := &written{totals: map[string]int64{}}
	traffic := NewTraffic(7, 12, time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))
	records := traffic.Opening()
	for range 450 {
		records = append(records, traffic.Next())
	}
	known := map[string]bool{}
	offsets := map[source]int64{}
	for i, r := range records {
		of := source{topic: r.Topic, partition: int32(r.Key[len(r.Key)-1] - '0')} // twelve campaigns on ten partitions
		p := Produced{Topic: r.Topic, Partition: of.partition, Offset: offsets[of], Millis: int64(i), Value: r.Value, Expect: r.Expect}
		offsets[of]++
		w.sent = append(w.sent, p)
		w.totals["jangbu_log_received_total"]++
		switch {
		case r.Expect == expectLetter:
			w.letters = append(w.letters, p)
			w.totals["jangbu_log_dead_letters"]++
		case known[p.identity()]:
			w.totals["jangbu_log_duplicates_total"]++
		default:
			known[p.identity()] = true
			w.log = append(w.log, logged{Recorded: time.UnixMilli(int64(i)), Position: int64(len(w.log) + 1), Topic: p.Topic, Partition: p.Partition, Offset: p.Offset, Type: p.Topic, Event: r.Value})
		}
	}
	w.log = append(w.log, logged{Position: int64(len(w.log) + 1), Type: "EventsWithdrawn", Event: json.RawMessage(`{"positions":[100]}`)})
	w.totals["jangbu_log_head"] = int64(len(w.log))
	w.totals["jangbu_log_received_total"]++ // an operator's event counts, too
	w.answered, w.rebuilt = answersOf(expected(w.sent, w.log)), answersOf(expected(w.sent, w.log))
	w.lines = []Line{
		{Kind: kindFault, Name: FaultRedisKill, At: 1, Took: 2},
		{Kind: kindOperation, Name: OperationRebuild, At: 2},
		{Kind: kindProduced, N: 1, At: 0.1},
		{Kind: kindHead, N: 10, At: 1},
		{Kind: kindHead, N: 20, At: 3},
		{Kind: kindRead, Target: "a/1", Name: "evt-00", N: 5, At: 1},
		{Kind: kindRead, Target: "a/1", Name: "evt-00", N: 9, At: 2},
		{Kind: kindRead, Target: "b/1", Name: "evt-00", N: 5, At: 2.5},
		{Kind: kindProgress, Name: "none", Took: 1},
	}
	return w
}

// answersOf returns what the API would answer.
func answersOf(campaigns map[string]*campaign) map[string]map[string]any {
	all := map[string]map[string]any{}
	for id, c := range campaigns {
		var channels []map[string]any
		for _, name := range []string{"kakao", "naver", "instagram", "genietv", "wooridongnetv", "unknown", "onsite", "other"} {
			channel := map[string]any{"channel": name, "participants": c.through[name], "cost": nil}
			if cost, stated := c.costs[name]; stated {
				channel["cost"] = cost
			}
			for key, f := range c.figures {
				if of, figure, _ := strings.Cut(key, " "); of == name {
					channel[figure] = f.value
				}
			}
			channels = append(channels, channel)
		}
		all[id] = map[string]any{
			"title": c.described.Title, "summary": map[string]any{"totalParticipants": c.participants}, "channels": channels, "digest": "of the hour",
			"economics": map[string]any{"prizeCost": c.described.Prize, "platformCost": c.described.Platform, "newCustomers": c.newCustomers},
		}
	}
	return all
}

// judged writes the run and returns the judge's problems.
func (w *written) judged(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, values ...any) {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		for _, value := range values {
			if err := json.NewEncoder(file).Encode(value); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(linesFile, all(w.lines)...)
	put(topicsFile, all(w.sent)...)
	put(logFile, all(w.log)...)
	put(lettersFile, all(w.letters)...)
	put(totalsFile, w.totals)
	put(servedFile, w.answered)
	put(rebuiltFile, w.rebuilt)
	put(importedFile, w.rebuilt)
	v, err := Judge(dir, Bounds{
		Stall: 5 * time.Second, Late: time.Minute, Progress: 5 * time.Second, Last: []string{"none"},
		Faults: map[string]int{FaultRedisKill: 1}, Operations: map[string]int{OperationRebuild: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v.Problems
}

func all[T any](of []T) (values []any) {
	for _, value := range of {
		values = append(values, value)
	}
	return values
}

// TestJudge: an undisturbed run has no problem; each thing that may go wrong has one of its own.
func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  string // of the first problem; empty: none
		wrong func(w *written)
	}{
		{"", func(*written) {}},
		{"lost", func(w *written) { w.log = slices.Delete(w.log, 50, 51); w.number() }},
		{"lost", func(w *written) { w.letters = w.letters[1:] }},
		{"doubled", func(w *written) {
			again := w.log[50]
			w.log = append(w.log, again)
			w.number()
		}},
		{"doubled", func(w *written) { w.letters = append(w.letters, w.letters[0]) }},
		{"order", func(w *written) {
			w.log[200], w.log[201] = w.log[201], w.log[200]
			for i := 201; w.log[200].Topic != w.log[i].Topic || w.log[200].Partition != w.log[i].Partition; i++ {
				w.log[200], w.log[i] = w.log[i], w.log[200]
			}
			slices.Reverse(w.log[:250])
			w.number()
		}},
		{"late", func(w *written) { w.log[20].Recorded = w.log[20].Recorded.Add(2 * time.Minute) }},
		{"", func(w *written) { w.sent[300].Millis -= (20 * time.Minute).Milliseconds() }}, // by a clock that was stepped back
		{"positions", func(w *written) { w.log[10].Position = 12 }},
		{"origins", func(w *written) { w.log[0].Topic, w.log[0].Type = "", "ParticipantRegistered" }},
		{"invented", func(w *written) { w.log[30].Offset += 1_000_000 }},
		{"refused", func(w *written) {
			w.letters = append(w.letters, Produced{Topic: w.log[9].Topic, Partition: w.log[9].Partition, Offset: w.log[9].Offset})
		}},
		{"aborted", func(w *written) { w.sent[40].Expect = expectNone }},
		{"wrongly taken", func(w *written) { w.sent[10].Expect = expectLetter }},
		{"totals", func(w *written) { w.totals["jangbu_log_received_total"]++ }},
		{"figures", func(w *written) { w.answered["evt-00"]["summary"] = map[string]any{"totalParticipants": 1} }},
		{"figures", func(w *written) {
			w.log = w.log[:len(w.log)-1]
			w.totals["jangbu_log_head"]--
			w.totals["jangbu_log_received_total"]--
		}}, // not withdrawn
		{"rebuilt", func(w *written) { w.rebuilt["evt-03"]["title"] = "another" }},
		{"unserved", func(w *written) { delete(w.answered, "evt-05"); delete(w.rebuilt, "evt-05") }},
		{"ended", func(w *written) { w.lines = append(w.lines, Line{Kind: kindEnded, Target: "a/1"}) }},
		{"missing", func(w *written) { w.lines[0].Name = FaultRedisFreeze }},
		{"missing", func(w *written) { w.lines[1].Error = "failed" }},
		{"missing", func(w *written) { w.lines = w.lines[:8] }},
		{"stuck", func(w *written) { w.lines[8].Took = 6 }},
		{"stall", func(w *written) { w.lines = append(w.lines, Line{Kind: kindHead, N: 20, At: 9}) }},
		{"", func(w *written) { // nothing can be appended meanwhile
			w.lines = append(w.lines, Line{Kind: kindHead, N: 20, At: 9}, Line{Kind: kindHead, N: 20, At: 7},
				Line{Kind: kindFault, Name: FaultPostgresKill, At: 3.5, Took: 5})
		}},
		{"read back", func(w *written) {
			w.lines = append(w.lines, Line{Kind: kindRead, Target: "a/1", Name: "evt-00", N: 8, At: 2.2})
		}},
		{"stale", func(w *written) {
			w.lines = append(w.lines, Line{Kind: kindRead, Target: "b/1", Name: "evt-00", N: 5, At: 4.5})
		}},
		{"", func(w *written) { // the log went back
			w.lines = append(w.lines, Line{Kind: kindRead, Target: "b/1", Name: "evt-00", N: 5, At: 4.5}, Line{Kind: kindFault, Name: FaultFailover, At: 3, Took: 1})
		}},
	} {
		w := undisturbed(t)
		c.wrong(w)
		got := w.judged(t)
		switch {
		case c.kind == "" && len(got) > 0:
			t.Errorf("a run without a problem has %q", got)
		case c.kind != "" && !slices.ContainsFunc(got, func(problem string) bool { return strings.HasPrefix(problem, c.kind+": ") }):
			t.Errorf("no problem %q is found, but %q", c.kind, got)
		}
	}
}

// number gives the events of the log the positions that they have.
func (w *written) number() {
	for i := range w.log {
		w.log[i].Position = int64(i + 1)
	}
	w.totals["jangbu_log_head"] = int64(len(w.log))
}

// TestTraffic: the same seed makes the same records, with the shares that it promises.
func TestTraffic(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	a, b := NewTraffic(1, 40, start), NewTraffic(1, 40, start)
	letters, again, known := 0, 0, map[string]bool{}
	const n = 5_000
	for range n {
		r, same := a.Next(), b.Next()
		if string(r.Value) != string(same.Value) {
			t.Fatalf("the same seed made %s and %s", r.Value, same.Value)
		}
		switch {
		case r.Expect == expectLetter:
			letters++
		case known[string(r.Value)]:
			again++
		}
		known[string(r.Value)] = true
	}
	if letters < n*25/1000 || letters > n*35/1000 || again < n*35/1000 || again > n*65/1000 {
		t.Errorf("of %d records %d become dead letters and %d were sent before", n, letters, again)
	}
}
