package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quba/metrics"
	"quba/ranking"
	"quba/ranking/report"
)

func (a *app) showCommand() *cobra.Command {
	var o report.Options
	cmd := &cobra.Command{
		Use:   "show RESULT...",
		Short: "Show what the dimensions of a result are made of",
		Long: `show reads what rank reads and lists the dimensions of every model, or with
--dimension the parts of one: the cells of corruption robustness as a grid, the bins
of the reliability diagram, the classes by accuracy, shape bias by category beside
that of people; of any other metric all parts. The classes are counted from the stored
predictions.`,
		Example: `  pipeline show results/demo
  pipeline show results/demo --dimension calibration_error --model squeezenet --format csv`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("pipeline show needs a result folder or a scores file; see `pipeline show --help`")
			}
			if o.Dimension == "" && (o.All || o.Plain) {
				return usagef("--all and --plain go with --dimension")
			}
			return a.show(args, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Dimension, "dimension", "", "show the parts of this `dimension`")
	flags.StringVar(&o.Model, "model", "", "only the `model` of this name")
	flags.BoolVar(&o.All, "all", false, "all classes, not the best and the worst 10 only")
	flags.BoolVar(&o.Plain, "plain", false, "list all parts, not the metric's own table")
	return cmd
}

func (a *app) show(paths []string, o report.Options) error {
	cohort, err := ranking.Read(paths)
	if err != nil {
		return dataError(err)
	}
	r, err := report.New(cohort, o)
	if err != nil {
		return dataError(err)
	}
	switch {
	case a.format == "json":
		return writeJSON(a.stdout, r)
	case o.Dimension == "":
		return a.printDimensions(r)
	case a.format == "csv":
		return a.printDetailCSV(r)
	}
	return a.printDetails(r)
}

// printDimensions lists all dimensions. Notes have a column in a file for
// programs, and stand under the table for people.
func (a *app) printDimensions(r report.Report) error {
	exact := a.format == "csv"
	text, header := report.Brief, []string{"model", "dimension", "value", "n", "partial"}
	if exact {
		text, header = report.Exact, append(header, "notes")
	}
	var rows [][]string
	for _, m := range r.Models {
		for _, d := range m.Dimensions {
			row := []string{m.Name, d.Name, text(d.Value), strconv.FormatInt(d.N, 10), yesOrNothing(d.Partial)}
			if exact {
				row = append(row, strings.Join(d.Notes, "; "))
			}
			rows = append(rows, row)
		}
	}
	if err := textGrid(header, rows).render(a.stdout, a.format); err != nil {
		return err
	}
	if !exact {
		a.printNotes(r.Notes)
	}
	return nil
}

func yesOrNothing(yes bool) string {
	if yes {
		return "yes"
	}
	return ""
}

// printNotes puts notes under a table.
func (a *app) printNotes(notes []string) {
	if len(notes) > 0 && a.format == "md" {
		fmt.Fprintln(a.stdout)
	}
	mark := "note: "
	if a.format == "md" {
		mark = "- "
	}
	for _, note := range notes {
		fmt.Fprintln(a.stdout, mark+printable(note))
	}
}

// printDetails prints the table of each model under a line that says what it
// is of.
func (a *app) printDetails(r report.Report) error {
	for i, m := range r.Models {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		for _, d := range m.Dimensions {
			if err := a.printDetail(m.Name, d); err != nil {
				return err
			}
		}
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(a.stdout)
		a.printNotes(r.Notes)
	}
	return nil
}

func (a *app) printDetail(model string, d report.Dimension) error {
	mark, gap := "", ""
	if a.format == "md" {
		mark, gap = "### ", "\n"
	}
	fmt.Fprintf(a.stdout, "%s%s of %s: %s\n%s", mark, d.Name, printable(model), headline(d), gap)
	if rest := partsLine(d.Table.Rest); rest != "" {
		fmt.Fprintf(a.stdout, "%s\n%s", printable(rest), gap)
	}
	if len(d.Table.Rows) > 0 {
		if err := detailGrid(*d.Table).render(a.stdout, a.format); err != nil {
			return err
		}
	}
	a.printNotes(d.Notes)
	return nil
}

func headline(d report.Dimension) string {
	text := report.Brief(d.Value)
	if d.N > 0 {
		text += fmt.Sprintf(" over %d samples", d.N)
	}
	if d.Partial {
		text += ", partial"
	}
	return text
}

func partsLine(parts []metrics.Part) string {
	var words []string
	for _, p := range parts {
		words = append(words, p.Name+" "+report.Brief(p.Value))
	}
	return strings.Join(words, ", ")
}

func detailGrid(t report.Table) grid {
	header := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		header[i] = strings.ReplaceAll(column, "_", " ")
	}
	var rows [][]string
	for _, row := range t.Rows {
		rows = append(rows, texts(row, report.Brief))
	}
	return textGrid(header, rows)
}

func texts(cells []any, text func(any) string) []string {
	written := make([]string, len(cells))
	for i, cell := range cells {
		written[i] = text(cell)
	}
	return written
}

// printDetailCSV prints the tables of all models as one, with the columns of
// all of them; notes go to stderr.
func (a *app) printDetailCSV(r report.Report) error {
	header := []string{"model"}
	for _, m := range r.Models {
		for _, column := range m.Dimensions[0].Table.Columns {
			if !slices.Contains(header, column) {
				header = append(header, column)
			}
		}
	}
	g := grid{header: header}
	for _, m := range r.Models {
		d := m.Dimensions[0]
		for _, row := range d.Table.Rows {
			g.rows = append(g.rows, csvRow(header, m.Name, d.Table.Columns, row))
		}
		for _, note := range d.Notes {
			a.notes([]string{m.Name + ": " + note})
		}
	}
	a.notes(r.Notes)
	return g.render(a.stdout, a.format)
}

// csvRow puts cells under the columns that they are of.
func csvRow(header []string, model string, columns []string, cells []any) []string {
	row := make([]string, len(header))
	row[0] = model
	for i, column := range columns {
		row[slices.Index(header, column)] = report.Exact(cells[i])
	}
	return row
}
