package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/synthetic"
	"jangbu/readmodel/dashboard"
)

// TestOracleInPython asks replay, why and compare about random campaigns, numbers and positions of a log with
// redeliveries, corrections and withdrawals, whose writer was killed, and testdata/oracle.py about an
// export of it. With JANGBU_TEST_KILLS the writer is killed that often, and more is asked.
func TestOracleInPython(t *testing.T) {
	t.Parallel()
	kills, replays, whys, compares := 2, 5, 30, 20
	if n := os.Getenv("JANGBU_TEST_KILLS"); n != "" {
		kills, replays, whys, compares = 10, 40, 300, 200
	}
	python, random := services.Python(t), rand.New(rand.NewPCG(20, 20))
	dir := t.TempDir()
	log := questioned(t, dir, kills, random)
	var campaigns, shops []string
	for _, r := range log {
		if created, ok := r.Event.(*events.EventCreated); ok && !slices.Contains(shops, string(created.Shop)) {
			shops = append(shops, string(created.Shop))
		}
		if c := string(r.Event.Subject()); !slices.Contains(campaigns, c) {
			campaigns = append(campaigns, c)
		}
	}
	asked := make([]question, replays+whys+compares)
	for i := range asked {
		q := &asked[i]
		if q.At = 1 + random.IntN(len(log)); i < replays {
			continue
		}
		q.At = len(log)/4 + random.IntN(len(log)*3/4) + 1 // no campaign is new then
		switch {
		case i < replays+whys:
			q.Card = string(dashboard.Numbers()[random.IntN(len(dashboard.Numbers()))])
			q.Campaign = campaigns[random.IntN(len(campaigns))]
		case i%8 == 0:
			q.Shop = shops[random.IntN(len(shops))]
		case i%4 == 0:
			random.Shuffle(len(campaigns), func(i, j int) { campaigns[i], campaigns[j] = campaigns[j], campaigns[i] })
			q.Campaigns = slices.Clone(campaigns[:2+random.IntN(3)])
		default:
			q.From = len(log)/4 + random.IntN(q.At-len(log)/4) + 1
			q.Campaign = campaigns[random.IntN(len(campaigns))]
		}
	}
	answers := askOracle(t, python, dir, asked)
	for i, q := range asked {
		got := q.ask(t, dir)
		if diff := cmp.Diff(answers[i], got); diff != "" {
			t.Errorf("%+v (-oracle +jangbu):\n%s", q, diff)
		}
	}
	t.Logf("%d events, %d questions", len(log), len(asked))
}

// questioned fills the log in a data directory, and returns it.
func questioned(t *testing.T, dir string, kills int, random *rand.Rand) []events.Recorded {
	t.Helper()
	g, err := synthetic.New(synthetic.Config{
		Seed: 21, Campaigns: 5, Start: time.Now().Add(-6 * 24 * time.Hour), Interval: 10 * time.Minute, DuplicateShare: 0.1, MalformedShare: 0.02,
		Topics: stores.DefaultTopics().Topics(),
	})
	if err != nil {
		t.Fatal(err)
	}
	p := startKillable(t, dir, nil)
	p.produce(t, slices.Concat(g.Campaigns(), g.Distributions())...)
	log := openedLog(t, dir)
	used := make(map[events.Position]bool) // what was withdrawn once
	var all []events.Recorded
	for kill := range kills + 1 {
		var records []events.Record
		for range 400 / (kills + 1) {
			records = append(records, g.Next())
		}
		p.produce(t, append(records, g.Stats(time.Now().Add(time.Duration(kill-kills)*time.Hour))...)...)
		if kill < kills { // with what it has at work
			p.kill(t)
			p = startKillable(t, dir, nil)
		}
		p.produce(t, corrected(g.Campaigns()[kill%5], kill))
		p.settled(t, events.Totals{Head: events.Position(len(all) + 20)}, time.Minute) // of those that were produced
		if all, err = log.Read(t.Context(), 0, 10_000); err != nil {
			t.Fatal(err)
		}
		var positions []string
		for _, i := range random.Perm(len(all)) {
			if r := all[i]; !used[r.Position] && r.Event.Type() != events.TypeEventsWithdrawn && len(positions) < 9 {
				positions, used[r.Position] = append(positions, fmt.Sprint(r.Position)), true
			}
		}
		withdrawSome(t, dir, positions, random)
	}
	p.stop(t)
	if all, err = log.Read(t.Context(), 0, 10_000); err != nil {
		t.Fatal(err)
	}
	return all
}

// corrected is a campaign sent again, with another cost.
func corrected(created events.Record, n int) events.Record {
	created.Value = bytes.Replace(created.Value, []byte(`"prizeCost":`), fmt.Appendf(nil, `"prizeCost":%d`, 1+n%9), 1)
	created.Timestamp = time.Now()
	return created
}

// withdrawSome withdraws the events at positions, has some count again, and takes that back or not.
func withdrawSome(t *testing.T, dir string, positions []string, random *rand.Rand) {
	t.Helper()
	said := func(args ...string) (by []string) {
		t.Helper()
		out, complaint, code := command(t, append([]string{"events", "withdraw", "--yes", "--why", "a test", "--data-dir", dir, "--json"}, args...)...)
		var got struct{ Withdrawals []struct{ Position int64 } }
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != cli.ExitDone {
			t.Fatalf("withdraw %v: exit %d, %v: %s", args, code, err, complaint)
		}
		for _, w := range got.Withdrawals {
			by = append(by, fmt.Sprint(w.Position))
		}
		return by
	}
	by := said(positions[:len(positions)-2]...)
	undone := said("--undo", by[0])
	said(positions[len(positions)-2:]...)
	if random.IntN(2) == 0 {
		said(append([]string{"--undo"}, undone...)...)
	}
}

// question is what testdata/oracle.py is asked, and the program.
type question struct {
	At        int      `json:"at"`
	Campaign  string   `json:"campaign,omitempty"`
	Card      string   `json:"card,omitempty"`
	From      int      `json:"from,omitempty"`
	Campaigns []string `json:"campaigns,omitempty"`
	Shop      string   `json:"shop,omitempty"`
}

// askOracle returns the oracle's answers.
func askOracle(t *testing.T, python, dir string, asked []question) []any {
	t.Helper()
	export := filepath.Join(t.TempDir(), "log.jsonl")
	if _, complaint, code := command(t, "events", "export", "--why", "a test", "--data-dir", dir, export); code != cli.ExitDone {
		t.Fatalf("export: exit %d: %s", code, complaint)
	}
	var questions bytes.Buffer
	for _, q := range asked {
		if err := json.NewEncoder(&questions).Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", filepath.Join("testdata", "oracle.py"), export)
	cmd.Stdin, cmd.Stderr = &questions, t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []any
	for line := range strings.Lines(string(out)) {
		var answer any
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer)
	}
	if len(answers) != len(asked) {
		t.Fatalf("%d answers to %d questions", len(answers), len(asked))
	}
	return answers
}

// ask returns what the program says, in the words of the oracle.
func (q question) ask(t *testing.T, dir string) any {
	t.Helper()
	switch {
	case q.Card != "":
		return q.why(t, dir)
	case q.From > 0:
		return q.difference(t, dir)
	case len(q.Campaigns) > 0:
		answer := daysOf(t, dir, q.At, q.Campaigns...)
		delete(answer, "campaigns")
		return answer
	case q.Shop != "":
		return daysOf(t, dir, q.At, "--shop", q.Shop)
	}
	campaigns := make(map[string]any)
	for _, c := range printed(t, "replay", "--data-dir", dir, "--as-of", fmt.Sprint(q.At), "--json")["campaigns"].([]any) {
		c := c.(map[string]any)
		numbers := map[string]any{"byChannel": byChannel(c["channels"]), "totalCost": c["economics"].(map[string]any)["totalCost"]}
		for _, n := range dashboard.Numbers() {
			numbers[string(n)] = c["summary"].(map[string]any)[string(n)]
		}
		campaigns[c["eventId"].(string)] = numbers
	}
	return campaigns
}

// daysOf compares campaigns by their days.
func daysOf(t *testing.T, dir string, at int, of ...string) map[string]any {
	t.Helper()
	got := printed(t, append([]string{"compare", "--data-dir", dir, "--as-of", fmt.Sprint(at), "--json"}, of...)...)
	names, days := []any{}, []any{}
	for _, c := range got["campaigns"].([]any) {
		names = append(names, c.(map[string]any)["eventId"])
	}
	for _, d := range got["days"].([]any) {
		days = append(days, d.(map[string]any)["totalParticipants"])
	}
	return map[string]any{"campaigns": names, "days": days}
}

// why returns what a number is made of, from all pages. Where there was no such campaign, it is as one
// without events.
func (q question) why(t *testing.T, dir string) any {
	t.Helper()
	whole := make(map[string]any)
	found := []any{}
	for cursor := "0"; cursor != ""; {
		page := printed(t, "why", "--data-dir", dir, "--campaign", q.Campaign, "--card", q.Card, "--at", fmt.Sprint(q.At), "--limit", "70", "--cursor", cursor, "--json")
		whole["total"], whole["byChannel"] = page["total"], byChannel(page["byChannel"])
		found = append(found, traced(page["events"])...)
		cursor, _ = page["next"].(string)
	}
	whole["events"] = found
	return whole
}

// difference returns how a campaign differs between two positions.
func (q question) difference(t *testing.T, dir string) any {
	t.Helper()
	got := printed(t, "compare", q.Campaign, "--data-dir", dir, "--at", fmt.Sprint(q.From), "--at", fmt.Sprint(q.At), "--limit", "200", "--json")
	whole := map[string]any{"difference": got["difference"], "eventsLeft": got["eventsLeft"]}
	for _, side := range []string{"from", "to"} {
		summary := got[side].(map[string]any)["summary"].(map[string]any)
		delete(summary, "missing")
		whole[side] = summary
	}
	found := []any{}
	for i, e := range traced(got["events"]) {
		found = append(found, append(e.([]any), got["events"].([]any)[i].(map[string]any)["added"]))
	}
	whole["events"] = found
	withdrawals := []any{}
	for _, w := range got["withdrawals"].([]any) {
		w := w.(map[string]any)
		withdrawals = append(withdrawals, []any{w["position"], w["positions"], w["withdrawn"]})
	}
	whole["withdrawals"] = withdrawals
	return whole
}

// byChannel returns participants, exposure and cost of each channel.
func byChannel(of any) map[string]any {
	all := make(map[string]any)
	for _, c := range of.([]any) {
		c := c.(map[string]any)
		all[c["channel"].(string)] = []any{c["participants"], c["exposure"], c["cost"]}
	}
	return all
}

// traced returns position, topic, partition and offset of each event.
func traced(of any) (all []any) {
	for _, e := range of.([]any) {
		e := e.(map[string]any)
		all = append(all, []any{e["position"], e["topic"], e["partition"], e["offset"]})
	}
	return all
}

// printed returns the JSON that a command prints.
func printed(t *testing.T, args ...string) (object map[string]any) {
	t.Helper()
	out, complaint, code := command(t, args...)
	if err := json.Unmarshal([]byte(out), &object); err != nil || code != cli.ExitDone {
		t.Fatalf("%v: exit %d, %v: %s", args, code, err, complaint)
	}
	return object
}
