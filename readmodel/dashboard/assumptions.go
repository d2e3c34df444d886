package dashboard

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"jangbu/events"
	"jangbu/readmodel"
)

// ErrAssumption says that an assumption names no amount, or has no acceptable value.
var ErrAssumption = errors.New("cannot be assumed")

// maxWrong is how many wrong lines [Assumptions.ReadCSV] names.
const maxWrong = 10

// Assumptions replace amounts that a campaign's owner gave, by their names on the wire: what if the
// prize had cost half? A value is an amount in won (500000), a factor (*0.5) or a change in percent
// (+10%, -10%). The zero value assumes nothing.
type Assumptions struct {
	// by holds those of one campaign, and under no campaign those of all. Of two for an amount the
	// campaign's own counts.
	by map[events.Campaign]map[string]assumption
}

// Assumed is an amount of one campaign that was replaced.
type Assumed struct {
	Field  string      `json:"field"`
	Value  string      `json:"value"`
	Before *events.Won `json:"before"`
	// Amount is what counts in the place of Before; nil where that is unknown and the value is not
	// an amount of its own (I8).
	Amount *events.Won `json:"amount"`
}

// assumption is an amount, or a factor that is numerator / denominator.
type assumption struct {
	text       string
	won        *events.Won
	num, denom uint64
}

// amounts returns the fields of a row that can be assumed.
func amounts(row *readmodel.CampaignStats) map[string]**events.Won {
	return map[string]**events.Won{
		"prizeCost":             &row.PrizeCost,
		"platformCost":          &row.PlatformCost,
		"expectedSalesIncrease": &row.ExpectedSalesIncrease,
		"baselineSales":         &row.BaselineSales,
		"newCustomerLtv":        &row.NewCustomerLTV,
	}
}

// Add adds one assumption: of a campaign or, where that is empty, of all. It returns
// [ErrAssumption] where the field or the value is none, or there is one of that field already.
func (a *Assumptions) Add(c events.Campaign, field, value string) error {
	known := amounts(&readmodel.CampaignStats{})
	if known[field] == nil {
		return fmt.Errorf("%w: unknown amount %q: expected one of %s", ErrAssumption, field, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	one, err := parseAssumption(value)
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	if a.by == nil {
		a.by = make(map[events.Campaign]map[string]assumption)
	}
	if a.by[c] == nil {
		a.by[c] = make(map[string]assumption)
	}
	if before, twice := a.by[c][field]; twice {
		return fmt.Errorf("%w: %s is assumed to be %s already", ErrAssumption, field, before.text)
	}
	a.by[c][field] = one
	return nil
}

// ReadCSV adds the assumptions of a file: campaign, field, value. Its first line may be a head. The
// error names each line that is wrong, or the first of them.
func (a *Assumptions) ReadCSV(from io.Reader) error {
	lines := csv.NewReader(from)
	lines.FieldsPerRecord, lines.ReuseRecord, lines.TrimLeadingSpace = 3, true, true
	var wrong []error
	for first := true; len(wrong) < maxWrong; first = false {
		line, err := lines.Read()
		switch bad, isBad := errors.AsType[*csv.ParseError](err); {
		case errors.Is(err, io.EOF):
			return errors.Join(wrong...)
		case isBad && errors.Is(err, csv.ErrFieldCount):
			wrong = append(wrong, fmt.Errorf("line %d: %w: expected campaign, field, value", bad.Line, ErrAssumption))
			continue
		case isBad:
			return errors.Join(append(wrong, fmt.Errorf("line %d: %w: %w", bad.Line, ErrAssumption, bad.Err))...)
		case err != nil:
			return err
		}
		if first {
			line[0] = strings.TrimPrefix(line[0], "\ufeff") // spreadsheets begin a file with it
			if line[1] == "field" && line[2] == "value" {
				continue
			}
		}
		at, _ := lines.FieldPos(0)
		c := events.Campaign(strings.Clone(line[0]))
		if err := a.addOf(c, line[1], line[2]); err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", at, err))
		}
	}
	return errors.Join(wrong...)
}

// addOf adds an assumption of one campaign.
func (a *Assumptions) addOf(c events.Campaign, field, value string) error {
	if c == "" || len(c) > events.MaxIDBytes {
		return fmt.Errorf("%w: expected a campaign of 1 to %d bytes", ErrAssumption, events.MaxIDBytes)
	}
	return a.Add(c, strings.Clone(field), strings.Clone(value))
}

// Empty reports whether nothing is assumed.
func (a *Assumptions) Empty() bool { return len(a.by) == 0 }

// Campaigns returns those of which something is assumed that is not of all, sorted by bytes.
func (a *Assumptions) Campaigns() []events.Campaign {
	named := slices.Sorted(maps.Keys(a.by))
	if len(named) > 0 && named[0] == "" {
		named = named[1:]
	}
	return named
}

// Apply replaces the amounts of a campaign, and returns which, sorted by field. [ErrAssumption], and
// nothing is replaced, where one would be above [events.MaxWon] (I11).
func (a *Assumptions) Apply(row *readmodel.CampaignStats) ([]Assumed, error) {
	of := maps.Clone(a.by[""])
	if of == nil {
		of = make(map[string]assumption)
	}
	maps.Copy(of, a.by[row.Campaign])
	at, replaced := amounts(row), make([]Assumed, 0, len(of))
	for _, field := range slices.Sorted(maps.Keys(of)) {
		before := *at[field]
		amount, fits := of[field].of(before)
		if !fits {
			return nil, fmt.Errorf("%w: %s %s of %s, which is %d, comes to more than %d won", ErrAssumption, field, of[field].text, row.Campaign, *before, int64(events.MaxWon))
		}
		replaced = append(replaced, Assumed{field, of[field].text, before, amount})
	}
	for _, r := range replaced {
		*at[r.Field] = r.Amount
	}
	return replaced, nil
}

// parseAssumption parses a value.
func parseAssumption(text string) (assumption, error) {
	wrong := fmt.Errorf("%w: %q: expected won (500000), a factor (*0.5) or a change (+10%%, -10%%)", ErrAssumption, text)
	if factor, ok := strings.CutPrefix(text, "*"); ok {
		num, denom, ok := parseDecimal(factor)
		if !ok {
			return assumption{}, wrong
		}
		return assumption{text: text, num: num, denom: denom}, nil
	}
	if change, ok := strings.CutSuffix(text, "%"); ok {
		num, denom, ok := parseDecimal(strings.TrimLeft(change, "+-"))
		whole := 100 * denom
		switch {
		case !ok || len(strings.TrimLeft(change, "+-")) != len(change)-1:
			return assumption{}, wrong
		case change[0] == '+':
			return assumption{text: text, num: whole + num, denom: whole}, nil
		case num > whole:
			return assumption{}, fmt.Errorf("%w: %q leaves less than nothing", ErrAssumption, text)
		}
		return assumption{text: text, num: whole - num, denom: whole}, nil
	}
	won, err := strconv.ParseUint(text, 10, 64)
	if err != nil || won > uint64(events.MaxWon) {
		return assumption{}, fmt.Errorf("%w, up to %d", wrong, int64(events.MaxWon))
	}
	amount := events.Won(won)
	return assumption{text: text, won: &amount}, nil
}

// parseDecimal parses a decimal such as 0.25 as 25 / 100. It has at most 12 digits before the point
// and 6 after it, so that no factor has more than 64 bits.
func parseDecimal(text string) (num, denom uint64, ok bool) {
	whole, part, pointed := strings.Cut(text, ".")
	if len(whole) == 0 || len(whole) > 12 || len(part) > 6 || pointed && part == "" {
		return 0, 0, false
	}
	num, err := strconv.ParseUint(whole+part, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	for denom = 1; len(part) > 0; part = part[1:] {
		denom *= 10
	}
	return num, denom, true
}

// of returns what is assumed in the place of an amount, in whole won, halves away from zero.
// It reports false where that is above [events.MaxWon].
func (a assumption) of(before *events.Won) (after *events.Won, fits bool) {
	if a.won != nil {
		return new(*a.won), true
	}
	if before == nil {
		return nil, true
	}
	high, low := bits.Mul64(uint64(*before), a.num)
	if high >= a.denom {
		return nil, false
	}
	whole, rest := bits.Div64(high, low, a.denom)
	if 2*rest >= a.denom {
		whole++
	}
	if whole > uint64(events.MaxWon) {
		return nil, false
	}
	return new(events.Won(whole)), true
}
