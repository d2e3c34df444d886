package cli

import (
	"encoding/csv"
	"fmt"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is lines under a head, for people or as CSV.
type Table struct {
	Head  []string
	Lines [][]string
	Texts int // how many columns, from the left, are text; the others are numbers
}

// Print writes the table with its columns aligned, also with letters two columns wide.
func (r Table) Print(t Terminal) {
	w := table.NewWriter()
	w.SetOutputMirror(t.Out)
	w.SetStyle(table.StyleLight)
	w.Style().Options = table.OptionsNoBordersAndSeparators
	w.Style().Format.Header = text.FormatDefault
	var columns []table.ColumnConfig
	for i := r.Texts; i < len(r.Head); i++ {
		columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(columns)
	w.AppendHeader(tableRow(r.Head))
	for _, line := range r.Lines {
		w.AppendRow(tableRow(line))
	}
	w.Render()
}

// tableRow returns the cells for a terminal.
func tableRow(cells []string) table.Row {
	row := make(table.Row, len(cells))
	for i, cell := range cells {
		row[i] = Printable(cell)
	}
	return row
}

// Printable returns text from outside, such as a title, for a terminal: characters that
// move the cursor, ring the bell or change the direction of text become replacement
// characters.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// CSV writes the table as CSV.
func (r Table) CSV(t Terminal) error {
	w := csv.NewWriter(t.Out)
	if err := w.Write(r.Head); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if err := w.WriteAll(r.Lines); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
