package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
)

// DeadLettersCommand shows, retries and discards dead letters.
type DeadLettersCommand struct {
	List    deadLettersListCommand    `cmd:"" help:"Count the dead letters by reason, or list them."`
	Show    deadLettersShowCommand    `cmd:"" help:"Show where one dead letter came from, and why it is one."`
	Retry   deadLettersRetryCommand   `cmd:"" help:"Try dead letters again: those that pass now become events."`
	Discard deadLettersDiscardCommand `cmd:"" help:"Erase dead letters for good."`
}

// lettersAtOnce is how many dead letters are read, and changed in one transaction, at a
// time: each may hold a record of 1 MiB.
const lettersAtOnce = 200

// letter is a dead letter as JSON, without its sealed record.
type letter struct {
	ID          string        `json:"id"`
	Topic       string        `json:"topic"`
	Partition   int32         `json:"partition"`
	Offset      int64         `json:"offset"`
	Timestamp   *time.Time    `json:"timestamp"` // null if the record's is no time
	Reason      events.Reason `json:"reason"`
	Detail      string        `json:"detail"`
	SealedBytes int           `json:"sealedBytes"`
	BuriedAt    time.Time     `json:"buriedAt"`
	Discarded   *discarded    `json:"discarded,omitempty"`
}

// discarded is who discarded a letter, when and why, as JSON.
type discarded struct {
	At  time.Time `json:"at"`
	By  string    `json:"by"`
	Why string    `json:"why"`
}

func letterOf(d events.DeadLetter) letter {
	l := letter{
		ID: d.ID.String(), Topic: d.Topic, Partition: d.Partition, Offset: d.Offset,
		Reason: d.Reason, Detail: d.Detail, SealedBytes: len(d.Sealed), BuriedAt: d.BuriedAt,
	}
	if !d.Timestamp.IsZero() {
		l.Timestamp = &d.Timestamp
	}
	if d.Discarded != nil {
		l.Discarded = new(discarded(*d.Discarded))
	}
	return l
}

// place returns where in Kafka a letter's record is: topic/partition/offset.
func place(d events.DeadLetter) string {
	return d.Topic + "/" + strconv.Itoa(int(d.Partition)) + "/" + strconv.FormatInt(d.Offset, 10)
}

// reasonNamed returns the reason that --reason names; empty for none.
func reasonNamed(name string) (events.Reason, error) {
	reasons := events.Reasons()
	if name != "" && !slices.Contains(reasons, events.Reason(name)) {
		return "", fmt.Errorf("%w: --reason: %q is none of %v", cli.ErrUsage, name, reasons)
	}
	return events.Reason(name), nil
}

// selection is the dead letters that a command changes: those with the IDs, else all of one
// reason, else all.
type selection struct {
	ids    []events.ID
	reason events.Reason
}

// newSelection reads arguments and flags.
func newSelection(ids []string, all bool, reason string) (selection, error) {
	var s selection
	var err error
	if s.reason, err = reasonNamed(reason); err != nil {
		return s, err
	}
	ways := 0
	for _, given := range []bool{len(ids) > 0, all, reason != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return s, fmt.Errorf("%w: name the letters in one way: by their IDs, by --reason, or by --all", cli.ErrUsage)
	}
	for _, text := range ids {
		id, err := events.ParseID(text)
		if err != nil {
			return s, fmt.Errorf("%w: %q is no ID of a dead letter (as 01890a5d-ac96-874b-bcce-b302099a8057)", cli.ErrUsage, text)
		}
		if !slices.Contains(s.ids, id) {
			s.ids = append(s.ids, id)
		}
	}
	return s, nil
}

// String says which letters are selected.
func (s selection) String() string {
	switch {
	case len(s.ids) == 1:
		return "dead letter " + s.ids[0].String()
	case len(s.ids) > 0:
		return fmt.Sprintf("%d dead letters, the first %s", len(s.ids), s.ids[0])
	case s.reason != "":
		return "all dead letters with the reason " + string(s.reason)
	default:
		return "all dead letters"
	}
}

// each calls f with the selected letters that have not been discarded, page by page, in the
// order of their records.
func (s selection) each(ctx context.Context, t cli.Terminal, log events.Log, f func(letters []events.DeadLetter) error) error {
	if len(s.ids) > 0 {
		letters, err := s.named(ctx, t, log)
		if err != nil {
			return err
		}
		for page := range slices.Chunk(letters, lettersAtOnce) {
			if err := f(page); err != nil {
				return err
			}
		}
		return nil
	}
	q := events.DeadLetterQuery{Reason: s.reason, Limit: lettersAtOnce}
	for {
		page, err := log.DeadLetters().Waiting(ctx, q)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := f(page); err != nil {
			return err
		}
		q.After = &page[len(page)-1]
	}
}

// named returns the letters with the IDs, and warns of IDs without a letter and of letters
// that were discarded.
func (s selection) named(ctx context.Context, t cli.Terminal, log events.Log) ([]events.DeadLetter, error) {
	var letters []events.DeadLetter
	for _, id := range s.ids {
		switch d, err := log.DeadLetters().Get(ctx, id); {
		case errors.Is(err, events.ErrNoDeadLetter):
			t.Warnf("jangbu: there is no dead letter %s; a retry may have made an event of it", id)
		case err != nil:
			return nil, err
		case d.Discarded != nil:
			t.Warnf("jangbu: dead letter %s was discarded, by %s", id, cli.Printable(d.Discarded.By))
		default:
			letters = append(letters, d)
		}
	}
	slices.SortFunc(letters, func(a, b events.DeadLetter) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return letters, nil
}

// count returns how many letters the selection has now.
func (s selection) count(ctx context.Context, log events.Log) (int64, error) {
	if len(s.ids) > 0 {
		return int64(len(s.ids)), nil
	}
	groups, err := log.DeadLetters().Groups(ctx)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, g := range groups {
		if s.reason == "" || s.reason == g.Reason {
			n += g.Waiting
		}
	}
	return n, nil
}
