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
	Reason string `placeholder:"REASON" help:"List the letters of one reason: malformed, unknown-type, conflict or key."`
	Limit  int    `placeholder:"N" help:"List the letters themselves, at most N (20 with --reason)."`
	JSON   bool   `help:"Print one JSON object: for all, or for each letter."`
}

// Help implements kong's detailed help.
func (deadLettersListCommand) Help() string {
	return `A dead letter is a record that could not become an event. It is sealed, because it may
hold a phone number; its detail says what was wrong and quotes no value. Without a flag the
letters are counted by reason: those that wait for a retry, and those that were discarded.
With --reason or --limit they are listed, the newest first, including discarded ones. Times
are those of Asia/Seoul.

  malformed      the record breaks its contract
  unknown-type   it names a type that is none of the four
  conflict       the log holds the same ID with other content
  key            the key store's entry of its campaign is damaged; restore it, then retry

Exits with 3 if there is no such dead letter.

Examples:
  jangbu deadletters list
  jangbu deadletters list --reason conflict
  jangbu deadletters list --limit 1000 --json`
}

// Run prints the groups, or the letters.
func (c deadLettersListCommand) Run(ctx context.Context, t cli.Terminal) error {
	if c.Limit < 0 {
		return fmt.Errorf("%w: --limit: expected 1 or more", cli.ErrUsage)
	}
	reason, err := reasonNamed("reason", c.Reason)
	if err != nil {
		return err
	}
	location, err := cli.Seoul()
	if err != nil {
		return err
	}
	return c.WithLog(ctx, func(log events.Log) error {
		if c.Reason == "" && c.Limit == 0 {
			return c.groups(ctx, t, log, location)
		}
		if c.Limit == 0 {
			c.Limit = 20
		}
		return c.letters(ctx, t, log, reason, location)
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

func (c deadLettersListCommand) groups(ctx context.Context, t cli.Terminal, log events.Log, location *time.Location) error {
	groups, err := log.DeadLetters().Groups(ctx)
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return fmt.Errorf("%w: there are no dead letters", cli.ErrNothing)
	}
	if c.JSON {
		out := struct {
			Groups []letterGroup `json:"groups"`
		}{}
		for _, g := range groups {
			out.Groups = append(out.Groups, letterGroup{g.Reason, g.Waiting, g.Discarded, g.First, g.Last})
		}
		return json.NewEncoder(t.Out).Encode(out)
	}
	out := cli.Table{Head: []string{"reason", "first buried", "last buried", "waiting", "discarded"}, Texts: 3}
	for _, g := range groups {
		out.Lines = append(out.Lines, []string{
			string(g.Reason), g.First.In(location).Format(time.DateTime), g.Last.In(location).Format(time.DateTime),
			strconv.FormatInt(g.Waiting, 10), strconv.FormatInt(g.Discarded, 10),
		})
	}
	out.Print(t)
	return nil
}

func (c deadLettersListCommand) letters(ctx context.Context, t cli.Terminal, log events.Log, reason events.Reason, location *time.Location) error {
	out := cli.Table{Head: []string{"id", "topic/partition/offset", "buried", "reason", "detail"}, Texts: 5}
	encoder := json.NewEncoder(t.Out)
	found := 0
	q := events.DeadLetterQuery{Reason: reason}
	for found < c.Limit {
		q.Limit = min(lettersAtOnce, c.Limit-found)
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
			out.Lines = append(out.Lines, []string{d.ID.String(), place(d), d.BuriedAt.In(location).Format(time.DateTime), why, d.Detail})
		}
		found += len(page)
		if len(page) < q.Limit {
			break
		}
		q.After = &page[len(page)-1]
	}
	if found == 0 {
		return fmt.Errorf("%w: there are no such dead letters", cli.ErrNothing)
	}
	if !c.JSON {
		out.Print(t)
	}
	return nil
}
