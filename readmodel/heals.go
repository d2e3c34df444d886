package readmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"jangbu/events"
)

const (
	// MaxDifferences is how many differences [Found.Add] keeps at most.
	MaxDifferences = 100
	// maxText bounds each text of a difference, maxFound the texts of all, in bytes.
	maxText  = 1_000
	maxFound = 64 << 10
)

// Found is in what a campaign's rows differed from the fold of the log when an audit looked
// at them: both versions. The rows that a heal replaces are kept in no other place.
type Found struct {
	// Differences are the first ones, by table and key.
	Differences []Difference `json:"differences"`
	// Total is how many there were.
	Total int `json:"total"`
}

// Difference is one value that was not the fold's.
type Difference struct {
	Table string `json:"table"`
	// Key is that of the row within the campaign; empty where there is one row.
	Key string `json:"key,omitempty"`
	// Field is the row's; empty where one side had no such row.
	Field  string `json:"field,omitempty"`
	Served string `json:"served"`
	Folded string `json:"folded"`
	// Position is the checkpoint at which the two were compared.
	Position events.Position `json:"position"`
}

// Add counts a difference, and keeps it if it is among the first [MaxDifferences] and these
// are not too long. A long text is cut.
func (f *Found) Add(d Difference) {
	f.Total++
	size := 0
	for _, text := range []*string{&d.Table, &d.Key, &d.Field, &d.Served, &d.Folded} {
		*text = cut(*text)
		size += len(*text)
	}
	for _, kept := range f.Differences {
		size += len(kept.Table) + len(kept.Key) + len(kept.Field) + len(kept.Served) + len(kept.Folded)
	}
	if len(f.Differences) < MaxDifferences && size <= maxFound && len(f.Differences) == f.Total-1 {
		f.Differences = append(f.Differences, d)
	}
}

// String returns the first difference in one line, and how many more there were.
func (f *Found) String() string {
	if len(f.Differences) == 0 {
		return fmt.Sprintf("%d differences", f.Total)
	}
	s := f.Differences[0].String()
	if n := f.Total - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// cut returns the text, shortened to maxText bytes between two characters.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	const rest = "…"
	end := maxText - len(rest)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + rest
}

// EncodeFound returns what a store keeps of it: JSON, or no text where there is none.
func EncodeFound(f *Found) (string, error) {
	if f == nil {
		return "", nil
	}
	text, err := json.Marshal(f)
	return string(text), err
}

// DecodeFound returns what [EncodeFound] was given.
func DecodeFound(text string) (*Found, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // most operations have found nothing
	}
	f := &Found{}
	if err := json.Unmarshal([]byte(text), f); err != nil {
		return nil, fmt.Errorf("read what was found: %w", err)
	}
	return f, nil
}

// String returns the difference in one line.
func (d Difference) String() string {
	at := d.Table
	if d.Key != "" {
		at += fmt.Sprintf(" %q", d.Key)
	}
	if d.Field != "" {
		at += " " + d.Field
	}
	return fmt.Sprintf("%s: served %s, folded %s, at position %d", at, d.Served, d.Folded, d.Position)
}

// Heals is the account of the heals.
type Heals struct {
	Done, Failed int64 // how many have ended so
	// Wrong is how many campaigns are served wrong as far as is known: those whose last
	// heal has not ended, or has failed, and that no operation has folded anew since.
	Wrong int64
	// Last is the heal that was asked for last, FirstWrong the first one of a campaign that
	// is served wrong; nil where there is none.
	Last, FirstWrong *Operation
}

// Name sets Last and FirstWrong by their numbers, 0 where there is none. Adapters call it.
func (h *Heals) Name(ctx context.Context, of Operations, last, firstWrong int64) error {
	for _, heal := range []struct {
		id int64
		to **Operation
	}{{last, &h.Last}, {firstWrong, &h.FirstWrong}} {
		if heal.id == 0 {
			continue
		}
		op, err := of.Operation(ctx, heal.id)
		if err != nil {
			return err
		}
		*heal.to = &op
	}
	return nil
}
