package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid is a table of text: a header and rows of equal length.
type grid struct {
	header []string
	rows   [][]string
	// numeric lists the columns that are aligned to the right.
	numeric map[int]bool
}

// write prints a grid as table, md or csv; json prints doc instead.
func (a *app) write(g grid, doc any) error {
	if a.format == "json" {
		return writeJSON(a.stdout, doc)
	}
	return g.render(a.stdout, a.format)
}

func writeJSON(w io.Writer, doc any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(doc)
}

func (g grid) render(w io.Writer, format string) error {
	if format == "csv" {
		out := csv.NewWriter(w)
		if err := out.Write(g.header); err != nil {
			return err
		}
		return out.WriteAll(g.rows)
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options.SeparateRows = false
	t.AppendHeader(cells(g.header))
	for _, row := range g.rows {
		t.AppendRow(cells(row))
	}
	var columns []table.ColumnConfig
	for i := range g.header {
		if g.numeric[i] {
			columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.SetColumnConfigs(columns)
	if format == "md" {
		_, err := fmt.Fprintln(w, t.RenderMarkdown())
		return err
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, s := range texts {
		row[i] = printable(s)
	}
	return row
}

// printable keeps text from data from moving the cursor or breaking a row.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, s)
}
