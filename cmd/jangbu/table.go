package main

import (
	"encoding/csv"
	"fmt"
	"strconv"
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

// table returns one line a campaign: its four numbers and, if asked for, those that
// assumptions change.
func (r replayed) table(assumed bool) report {
	out := report{head: []string{"campaign", "title", "participants", "exposure", "ROI %", "growth %"}, texts: 2}
	if assumed {
		out.head = append(out.head, "ROI % if", "growth % if")
	}
	for _, c := range r.Campaigns {
		title := ""
		if c.Title != nil {
			title = *c.Title
		}
		line := []string{
			string(c.Campaign), title, strconv.FormatInt(c.Summary.TotalParticipants, 10), strconv.FormatInt(c.Summary.TotalExposure, 10),
			optional(c.Summary.ROIPercent), optional(c.Summary.SalesGrowthPercent),
		}
		if assumed {
			line = append(line, optional(c.WhatIf.Summary.ROIPercent), optional(c.WhatIf.Summary.SalesGrowthPercent))
		}
		out.lines = append(out.lines, line)
	}
	return out
}

// optional returns the number, or nothing where there is none.
func optional(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', -1, 64)
}
