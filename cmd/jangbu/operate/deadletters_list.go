package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type deadLettersListCommand struct {
	stores.Config
	cli.ZoneConfig
	Reason string `placeholder:"REASON" help:"List the letters of one reason: malformed, unknown-type, conflict, other-shop or key."`
	Last   int    `aliases:"limit" placeholder:"N" help:"List the newest N letters themselves (20 with --reason)."`
	JSON   bool   `help:"Print one JSON object: for all, or for each letter."`
}

// Help implements kong's detailed help.
func (deadLettersListCommand) Help() string {
	return `A dead letter is a record that could not become an event. It is sealed, because it may
hold a phone number; its detail says what was wrong and quotes no value. Without a flag the
letters are counted by reason: those that wait for a retry, and those that were discarded.
With --reason or --last they are listed, the newest first, including discarded ones.

  malformed      the record breaks its contract
  unknown-type   it names a type that is none of the four
  conflict       the log holds the same ID with other content
  other-shop     it describes a campaign of another shop
  key            the key store's entry of its campaign is damaged; restore it, then retry

Examples:
  jangbu deadletters list
  jangbu deadletters list --reason conflict
  jangbu deadletters list --last 1000 --json`
}

// Run prints the groups, or the letters.
func (c deadLettersListCommand) Run(ctx context.Context, t cli.Terminal) error {
	if c.Last < 0 {
		return fmt.Errorf("%w: --last: expected 1 or more", cli.ErrUsage)
	}
	reason, err := reasonNamed(c.Reason)
	if err != nil {
		return err
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	return c.ReadLog(ctx, func(log events.Log) error {
		if c.Reason == "" && c.Last == 0 {
			return c.groups(ctx, t, log, times)
		}
		if c.Last == 0 {
			c.Last = 20
		}
		return c.letters(ctx, t, log, reason, times)
	})
}

// letterGroup is the count of the letters of one reason, as JSON.
type letterGroup struct {
	Reason        events.Reason `json:"reason"`
	Waiting       int64         `json:"waiting"`
	Discarded     int64         `json:"discarded"`
	FirstBuriedAt time.Time     `json:"firstBuriedAt"`
	LastBuriedAt  time.Time     `json:"lastBuriedAt"`
}

func (c deadLettersListCommand) groups(ctx context.Context, t cli.Terminal, log events.Log, times cli.Times) error {
	groups, err := log.DeadLetters().Groups(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		out := struct {
			Groups []letterGroup `json:"groups"`
		}{[]letterGroup{}}
		for _, g := range groups {
			out.Groups = append(out.Groups, letterGroup{g.Reason, g.Waiting, g.Discarded, g.First, g.Last})
		}
		return json.NewEncoder(t.Out).Encode(out)
	}
	out := cli.Table{Head: []string{"reason", "first buried", "last buried", "waiting", "discarded"}, Texts: 3}
	for _, g := range groups {
		out.Lines = append(out.Lines, []string{
			string(g.Reason), times.Format(g.First), times.Format(g.Last),
			strconv.FormatInt(g.Waiting, 10), strconv.FormatInt(g.Discarded, 10),
		})
	}
	out.Print(t)
	return nil
}

func (c deadLettersListCommand) letters(ctx context.Context, t cli.Terminal, log events.Log, reason events.Reason, times cli.Times) error {
	out := cli.Table{Head: []string{"id", "topic/partition/offset", "buried", "reason", "detail"}, Texts: 5}
	encoder := json.NewEncoder(t.Out)
	found := 0
	q := events.DeadLetterQuery{Reason: reason}
	for found < c.Last {
		q.Limit = min(lettersAtOnce, c.Last-found)
		page, err := log.DeadLetters().List(ctx, q)
		if err != nil {
			return err
		}
		for _, d := range page {
			if c.JSON {
				if err := encoder.Encode(letterOf(d)); err != nil {
					return fmt.Errorf("print dead letter: %w", err)
				}
				continue
			}
			why := string(d.Reason)
			if d.Discarded != nil {
				why += ", discarded"
			}
			out.Lines = append(out.Lines, []string{d.ID.String(), place(d), times.Format(d.BuriedAt), why, d.Detail})
		}
		found += len(page)
		if len(page) < q.Limit {
			break
		}
		q.After = &page[len(page)-1]
	}
	if !c.JSON {
		out.Print(t)
	}
	return nil
}
