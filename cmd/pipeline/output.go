package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

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
	cell := printable
	if format == "md" {
		cell = func(s string) string { return markdownText(printable(s)) }
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options.SeparateRows = false
	t.AppendHeader(cells(g.header, cell))
	for _, row := range g.rows {
		t.AppendRow(cells(row, cell))
	}
	var columns []table.ColumnConfig
	for i := range g.header {
		if g.numeric[i] {
			columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.SetColumnConfigs(columns)
	render := t.Render
	if format == "md" {
		render = t.RenderMarkdown
	}
	_, err := fmt.Fprintln(w, render())
	return err
}

func cells(texts []string, cell func(string) string) table.Row {
	row := make(table.Row, len(texts))
	for i, s := range texts {
		row[i] = cell(s)
	}
	return row
}

// printable keeps text from data from moving the cursor, turning the direction
// of what follows, or breaking a row.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// markdownEscapes are the characters with which text from data could begin
// markup or HTML inside a line. A table escapes the bar itself.
var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "~", `\~`, "\n", " ",
)

func markdownText(s string) string {
	runes := []rune(markdownEscapes.Replace(s))
	inWord := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
	}
	var out strings.Builder
	for i, r := range runes {
		// An underscore inside a word is no markup (CommonMark 0.31, 6.2).
		if r == '_' && !(inWord(i-1) && inWord(i+1)) {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
