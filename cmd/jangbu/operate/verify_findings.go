package operate

import (
	"encoding/json"
	"fmt"
	"strconv"

	"jangbu/cmd/jangbu/cli"
	"jangbu/projections/replay"
)

// findings prints damages and differences, in this order. Each is one member of one JSON
// object, which is written as they are found, because there may be any number of them; or a
// line of a table of the first ones.
type findings struct {
	terminal cli.Terminal
	asJSON   bool

	damages, differences [][]string // the first, for people
	more                 int        // of both
	began                bool       // the JSON object
	compared             bool       // it has come to the differences
	err                  error
}

// damage adds a damage of the log.
func (f *findings) damage(d replay.Damage) {
	if f.asJSON {
		f.element(f.begin(false), damage(d))
		return
	}
	f.damages = f.shown(f.damages, strconv.FormatInt(int64(d.Position), 10), d.Problem)
}

// difference adds a divergence of the rows.
func (f *findings) difference(d *replay.Divergence) {
	if f.asJSON {
		f.element(f.begin(true), d)
		return
	}
	f.differences = f.shown(f.differences, string(d.Campaign), d.Table, d.Key, d.Field, d.Served, d.Folded, strconv.FormatInt(int64(d.Position), 10))
}

func (f *findings) shown(lines [][]string, line ...string) [][]string {
	if len(lines) == shownDifferences {
		f.more++
		return lines
	}
	return append(lines, line)
}

// begin opens what the next element belongs to, and reports whether it is the first there.
func (f *findings) begin(differences bool) (first bool) {
	if !f.began {
		f.began, first = true, true
		f.write(`{"damages":[`)
	}
	if differences && !f.compared {
		f.compared, first = true, true
		f.write(`],"differences":[`)
	}
	return first
}

func (f *findings) element(first bool, value any) {
	if !first {
		f.write(",")
	}
	f.value(value, "")
}

// end prints what was compared after what was found. Nil says that it is not known: then
// nothing is printed, unless there was something found.
func (f *findings) end(compared any) error {
	switch {
	case !f.asJSON:
		if len(f.damages) > 0 {
			cli.Table{Head: []string{"position", "problem"}, Lines: f.damages, Texts: 2}.Print(f.terminal)
		}
		if len(f.differences) > 0 {
			cli.Table{Head: []string{"campaign", "table", "key", "field", "served", "folded", "position"}, Lines: f.differences, Texts: 6}.Print(f.terminal)
		}
		if f.more > 0 {
			f.terminal.Printf("… and %d more: --json lists all", f.more)
		}
	case compared == nil && f.began:
		f.write("],\"ok\":false}\n")
	case compared != nil:
		_, chain := compared.(chainVerified)
		f.begin(!chain)
		f.write("],")
		f.value(compared, "{")
		f.write("\n")
	}
	return f.err
}

// value writes a value as JSON, without the given beginning.
func (f *findings) value(value any, without string) {
	text, err := json.Marshal(value)
	if err != nil {
		f.err = err
		return
	}
	f.write(string(text[len(without):]))
}

func (f *findings) write(text string) {
	if _, err := fmt.Fprint(f.terminal.Out, text); err != nil && f.err == nil {
		f.err = fmt.Errorf("print: %w", err)
	}
}
