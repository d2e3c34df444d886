package gauntlet

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// campaign is what a campaign's records add up to.
type campaign struct {
	participants, newCustomers int64
	through                    map[string]int64 // participants by channel
	costs                      map[string]int64 // of channels, where one was stated
	figures                    map[string]figure
	described                  description
}

// figure is the last value that a channel reported, and when.
type figure struct {
	value int64
	at    time.Time
}

// expected folds the records, but for what operators withdrew, by arithmetic of its own.
func expected(sent []Produced, log []logged) map[string]*campaign {
	withdrawn := map[source]bool{}
	positions := withdrawals(log)
	for _, e := range log {
		if positions[e.Position] {
			withdrawn[source{e.Topic, e.Partition, e.Offset}] = true
		}
	}
	campaigns := map[string]*campaign{}
	known := map[string]bool{}
	for _, p := range sent {
		id := p.identity()
		if p.Expect != expectEvent || known[id] {
			continue
		}
		known[id] = true
		if withdrawn[source{p.Topic, p.Partition, p.Offset}] {
			continue
		}
		var of struct {
			Campaign string `json:"eventId"`
		}
		_ = json.Unmarshal(p.Value, &of) // one that is expected to be an event is JSON
		c := campaigns[of.Campaign]
		if c == nil {
			c = &campaign{through: map[string]int64{}, costs: map[string]int64{}, figures: map[string]figure{}}
			campaigns[of.Campaign] = c
		}
		c.take(p)
	}
	return campaigns
}

// withdrawals returns the positions that do not count: those withdrawn, but for those whose
// withdrawal was withdrawn.
func withdrawals(log []logged) map[int64]bool {
	withdrawn := map[int64]bool{}
	for _, e := range slices.Backward(log) { // a withdrawal is undone by a later one
		if e.Type != "EventsWithdrawn" || withdrawn[e.Position] {
			continue
		}
		var fact struct {
			Positions []int64 `json:"positions"`
		}
		_ = json.Unmarshal(e.Event, &fact) // jangbu wrote it
		for _, p := range fact.Positions {
			withdrawn[p] = true
		}
	}
	return withdrawn
}

func (c *campaign) take(p Produced) {
	switch p.Topic {
	case topicCreated:
		var fact description
		_ = json.Unmarshal(p.Value, &fact)
		c.described = fact
	case topicRegistered:
		var fact registration
		_ = json.Unmarshal(p.Value, &fact)
		c.participants++
		if fact.New != nil && *fact.New {
			c.newCustomers++
		}
		c.through[channelOf(fact.Channel)]++
	case topicDistributed:
		var fact distribution
		_ = json.Unmarshal(p.Value, &fact)
		for _, o := range fact.Channels {
			if o.Cost != nil {
				c.costs[o.Channel] += *o.Cost
			}
		}
	case topicStatsFetched:
		var fact report
		_ = json.Unmarshal(p.Value, &fact)
		at, _ := time.Parse(time.RFC3339Nano, fact.At)
		for name, value := range map[string]*int64{
			"impressions": fact.Impressions, "views": fact.Views, "clicks": fact.Clicks, "likes": fact.Likes, "comments": fact.Comments, "shares": fact.Shares,
		} {
			if value != nil && !at.Before(c.figures[fact.Channel+" "+name].at) {
				c.figures[fact.Channel+" "+name] = figure{*value, at}
			}
		}
	}
}

// channelOf returns what a registration's channel is counted as, of the texts that [Traffic] has.
func channelOf(text string) string {
	switch text {
	case "":
		return "unknown"
	case "  KaKao ":
		return "kakao"
	case "현장":
		return "onsite"
	case "동네 게시판 앞":
		return "other"
	default:
		return text
	}
}

// shownCampaign is what the API answers, as far as it is compared.
type shownCampaign struct {
	Summary struct {
		Participants int64 `json:"totalParticipants"`
	} `json:"summary"`
	Economics struct {
		Prize        *int64 `json:"prizeCost"`
		Platform     *int64 `json:"platformCost"`
		NewCustomers int64  `json:"newCustomers"`
	} `json:"economics"`
	Title    string           `json:"title"`
	Channels []map[string]any `json:"channels"`
}

// answers compares what the API answered with what the records add up to, and what was served,
// rebuilt and imported with each other (I6).
func (j *judge) answers(dir string, want map[string]*campaign) error {
	var served, others [2]map[string]json.RawMessage
	for i, name := range []string{servedFile, rebuiltFile, importedFile} {
		into := &served[0]
		if i > 0 {
			into = &others[i-1]
		}
		if err := readLines(dir, name, func(of map[string]json.RawMessage) { *into = of }); err != nil {
			return err
		}
	}
	for i, name := range []string{"rebuilt", "imported"} {
		for _, id := range slices.Sorted(maps.Keys(want)) {
			if a, b := lasting(served[0][id]), lasting(others[i][id]); a != b {
				j.problem(name, "%s is served as %.300s, and %s as %.300s", id, a, name, b)
			}
		}
	}
	var people, won int64
	for _, id := range slices.Sorted(maps.Keys(want)) {
		var got shownCampaign
		if err := json.Unmarshal(served[0][id], &got); err != nil {
			j.problem("unserved", "%s: %v: %.100s", id, err, served[0][id])
			continue
		}
		people += want[id].participants
		for _, cost := range want[id].costs {
			won += cost
		}
		j.compare(id, want[id], got)
	}
	j.say("served    %d campaigns with %d participants and %d won of distributions, each as its records add up; rebuilt and imported the same", len(want), people, won)
	return nil
}

func (j *judge) compare(id string, want *campaign, got shownCampaign) {
	differ := func(what string, got, want any) {
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			j.problem("figures", "%s: %s is %s, not %s", id, what, g, w)
		}
	}
	differ("participants", got.Summary.Participants, want.participants)
	differ("new customers", got.Economics.NewCustomers, want.newCustomers)
	differ("prize cost", amount(got.Economics.Prize), amount(want.described.Prize))
	differ("platform cost", amount(got.Economics.Platform), amount(want.described.Platform))
	differ("title", got.Title, want.described.Title)
	through := map[string]int64{}
	for _, c := range got.Channels {
		name, _ := c["channel"].(string)
		n, _ := c["participants"].(float64)
		if n > 0 {
			through[name] = int64(n)
		}
		if cost, stated := want.costs[name]; stated {
			differ("cost of "+name, whole(c["cost"]), cost)
		}
		for _, figure := range []string{"impressions", "views", "clicks", "likes", "comments", "shares"} {
			if f, reported := want.figures[name+" "+figure]; reported {
				differ(figure+" of "+name, whole(c[figure]), f.value)
			} else {
				differ(figure+" of "+name, c[figure], nil)
			}
		}
	}
	differ("participants by channel", through, want.through)
}

// amount prints won.
func amount(of *int64) string {
	if of == nil {
		return "unknown"
	}
	return fmt.Sprint(*of)
}

// whole prints a number of JSON; whole numbers up to 2^53 are exact.
func whole(number any) string {
	if n, ok := number.(float64); ok {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprint(number)
}

// lasting returns an answer without what changes with the hours alone.
func lasting(answer json.RawMessage) string {
	var members map[string]json.RawMessage
	var channels []map[string]any
	if json.Unmarshal(answer, &members) != nil || json.Unmarshal(members["channels"], &channels) != nil {
		return string(answer)
	}
	for _, c := range channels {
		delete(c, "status") // figures become stale
	}
	text, err := json.Marshal(channels)
	if err != nil {
		return string(answer)
	}
	members["channels"] = text
	delete(members, "comparison")
	delete(members, "digest")
	if text, err = json.Marshal(members); err != nil {
		return string(answer)
	}
	return string(text)
}
