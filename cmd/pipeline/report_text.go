package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"quba/ranking"
)

// reportGrid is the table of a ranking, ranks with their sets where there are
// draws.
func reportGrid(read results) (ranking.Ranking, grid, error) {
	r, err := ranking.QUBA(read.cohort, read.options)
	if err != nil {
		return ranking.Ranking{}, grid{}, err
	}
	header, rows := r.Rows()
	for i, name := range header {
		header[i] = strings.ReplaceAll(name, "_", " ")
	}
	g := textGrid(header, rows)
	if u := read.uncertainty; u != nil && len(u.DataSets) > 0 {
		rankSetsInto(u)(&g)
	}
	return r, g, nil
}

// writeMarkdownReport writes the table of a ranking with its caveats.
func writeMarkdownReport(w io.Writer, read results, f reportFlags) error {
	r, g, err := reportGrid(read)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# %s\n\n", markdownText(printable(f.title)))
	if err := g.render(out, "md"); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n\n", methodLine(r, read))
	for _, note := range reportCaveats(r, read) {
		fmt.Fprintf(out, "- %s\n", markdownText(printable(note)))
	}
	return out.Flush()
}

// reportCaveats are those of the ranking, then those of its intervals, where it
// has any.
func reportCaveats(r ranking.Ranking, read results) []string {
	notes := r.NotesForReaders()
	if u := read.uncertainty; u == nil || len(u.DataSets) == 0 {
		return notes
	}
	for _, note := range read.uncertainty.Notes {
		if !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	return notes
}

// methodLine says how the scores and the sets of ranks were made.
func methodLine(r ranking.Ranking, read results) string {
	var words []string
	for _, d := range r.Used {
		words = append(words, fmt.Sprintf("%s %.3g", strings.ReplaceAll(d.Name, "_", " "), d.Weight))
	}
	by := "the constants of the published score"
	if r.Normalization == ranking.InCohort {
		by = "mean and standard deviation of the ranked models"
	}
	line := fmt.Sprintf("QUBA is the weighted mean of the dimensions, standardised by %s. Weights: %s.", by, strings.Join(words, ", "))
	if r.Protocol != "" {
		line += fmt.Sprintf(" Protocol: %s.", r.Protocol)
	}
	if u := read.uncertainty; u != nil && len(u.DataSets) > 0 {
		line += fmt.Sprintf(" Brackets: %g%% confidence sets of all ranks together, from %d bootstrap draws of the images.", 100*u.Level, u.Draws)
	}
	return line
}

// writeLaTeXReport writes the ranking as a table of the package booktabs; the
// caveats follow as comments.
func writeLaTeXReport(w io.Writer, read results, f reportFlags) error {
	r, g, err := reportGrid(read)
	if err != nil {
		return err
	}
	columns := len(g.header) - 1 // without what is missing, which the caveats say
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%% Needs \\usepackage{booktabs}.\n\\begin{table}\n  \\centering\n  \\caption{%s. %s}\n", laTeXText(f.title), laTeXText(methodLine(r, read)))
	fmt.Fprintf(out, "  \\begin{tabular}{rl%s}\n    \\toprule\n    %s\\\\\n    \\midrule\n", strings.Repeat("r", columns-2), laTeXRow(g.header[:columns]))
	for _, row := range g.rows {
		fmt.Fprintf(out, "    %s\\\\\n", laTeXRow(row[:columns]))
	}
	fmt.Fprint(out, "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n")
	for _, note := range reportCaveats(r, read) {
		fmt.Fprintf(out, "%% %s\n", strings.ReplaceAll(printable(note), "\n", " "))
	}
	return out.Flush()
}

func laTeXRow(cells []string) string {
	escaped := make([]string, len(cells))
	for i, text := range cells {
		escaped[i] = laTeXText(text)
	}
	return strings.Join(escaped, " & ") + " "
}

var laTeXEscapes = strings.NewReplacer(
	`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "$", `\$`, "&", `\&`, "#", `\#`, "%", `\%`, "_", `\_`,
	"|", `\textbar{}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`, "<", `\textless{}`, ">", `\textgreater{}`, "\n", " ",
)

func laTeXText(s string) string { return laTeXEscapes.Replace(printable(s)) }
