package main

import (
	"encoding/csv"
	"fmt"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// report is lines under a head, to be read by people or by other programs.
type report struct {
	head  []string
	lines [][]string
	texts int // columns from the left that are text; the others are numbers
}

// print aligns the columns, letters of two columns' width too.
func (r report) print(t terminal) {
	w := table.NewWriter()
	w.SetOutputMirror(t.out)
	w.SetStyle(table.StyleLight)
	w.Style().Options = table.OptionsNoBordersAndSeparators
	w.Style().Format.Header = text.FormatDefault
	var columns []table.ColumnConfig
	for i := r.texts; i < len(r.head); i++ {
		columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(columns)
	w.AppendHeader(tableRow(r.head))
	for _, line := range r.lines {
		w.AppendRow(tableRow(line))
	}
	w.Render()
}

// tableRow returns the cells for a terminal.
func tableRow(cells []string) table.Row {
	row := make(table.Row, len(cells))
	for i, cell := range cells {
		row[i] = printable(cell)
	}
	return row
}

// printable returns what somebody typed, such as a title, for a terminal: what would
// move the cursor or ring the bell becomes a replacement character.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// csv writes the report with commas between.
func (r report) csv(t terminal) error {
	w := csv.NewWriter(t.out)
	if err := w.Write(r.head); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if err := w.WriteAll(r.lines); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
