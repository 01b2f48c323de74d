package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"quba/pipeline"
	"quba/ranking"
	"quba/ranking/html"
	"quba/ranking/uncertainty"
)

// reportFlags are the options of `pipeline report`.
type reportFlags struct {
	scoringFlags
	outputs []string
	title   string
	draws   int
	level   float64
	sheet   string
	figureFlags
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report RESULT...",
		Short: "Write a ranking and what is behind it as one file, or as figures",
		Long: `report reads what rank reads and writes one file for each --output, in the form that
its ending says: an .html page with charts that re-ranks as weights are moved and needs no
network, a .md table for pull requests and model cards, or a .tex table for papers.

--figures writes figures for papers instead, or as well when --output is given: the ranking
with intervals, two dimensions against each other, rank acceptabilities, correlations, and of
each model what its dimensions are made of. They are as wide as a column or a page, have their
fonts inside, and are the same bytes for the same results.

--sheet auto shows on the page what each pipeline of the results did to a few of its images,
where the data and models that the config names are still there. The page then holds images of
the data set: mind its licence before you send it on.`,
		Example: `  pipeline report results/demo --allow-partial -o report.html -o table.tex
  pipeline report results/demo --allow-partial --figures figures --figure-format pdf --scatter accuracy,calibration_error`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("pipeline report needs a result folder, a scores file or a table; see `pipeline report --help`")
			}
			if f.figures != "" && !cmd.Flags().Changed("output") {
				f.outputs = nil
			}
			return a.writeReport(cmd.Context(), args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.outputs, "output", "o", []string{"report.html"}, "`file` to write, .html, .md or .tex; may be repeated")
	flags.StringVar(&f.title, "title", "Model ranking", "`text` above the report")
	f.scoringFlags.add(flags, "show the 326 models of the paper behind the own ones")
	flags.IntVar(&f.draws, "draws", 2000, "bootstrap draws of the stored predictions for intervals and rank sets; 0 leaves them out")
	flags.Float64Var(&f.level, "level", 0.95, "confidence `level` of intervals and rank sets")
	flags.StringVar(&f.sheet, "sheet", "", "perturbed images to show: a PNG `file` that preview wrote, or auto to make them now")
	f.figureFlags.add(flags)
	return cmd
}

// check finds mistakes in the flags before anything is read.
func (f reportFlags) check() error {
	for _, path := range f.outputs {
		if _, ok := reportWriters[strings.ToLower(filepath.Ext(path))]; !ok {
			return usagef("--output must end in .html, .md or .tex, got %q; figures are written by --figures", path)
		}
	}
	if f.draws != 0 {
		if err := uncertainty.CheckDraws(f.draws); err != nil {
			return usagef("--%w; or 0 for none", err)
		}
	}
	if err := checkLevel(f.level); err != nil {
		return err
	}
	return f.figureFlags.check()
}

// results are what a report is made of.
type results struct {
	cohort       ranking.Cohort
	options      ranking.Options
	uncertainty  *uncertainty.Result // nil without draws
	sheets       []html.Sheet
	withoutSheet []string // why sheets are not there
}

// reportWriters write a report in the form of a file ending.
var reportWriters = map[string]func(io.Writer, results, reportFlags) error{
	".html": writeHTMLReport,
	".md":   writeMarkdownReport,
	".tex":  writeLaTeXReport,
}

func (a *app) writeReport(ctx context.Context, paths []string, f reportFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	read, err := readResults(ctx, paths, f)
	if err != nil {
		return err
	}
	if err := a.addSheets(ctx, paths, f.sheet, &read); err != nil {
		return err
	}
	for _, path := range f.outputs {
		size, err := writeReportFile(path, func(w io.Writer) error {
			return reportWriters[strings.ToLower(filepath.Ext(path))](w, read, f)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "%s: %s%s\n", path, size, read.imageShare(path))
	}
	if f.figures == "" {
		return nil
	}
	return a.writeFigures(read, f)
}

// imageShare says how much of a page is images.
func (r results) imageShare(path string) string {
	var size int
	for _, s := range r.sheets {
		size += base64.StdEncoding.EncodedLen(len(s.Image))
	}
	if size == 0 || strings.ToLower(filepath.Ext(path)) != ".html" {
		return ""
	}
	return fmt.Sprintf(", %s of it images", fileSize(size))
}

func readResults(ctx context.Context, paths []string, f reportFlags) (results, error) {
	options, err := f.options()
	if err != nil {
		return results{}, err
	}
	cohort, err := ranking.Read(paths)
	if err != nil {
		return results{}, dataError(err)
	}
	read := results{cohort: cohort, options: options}
	if f.draws == 0 {
		return read, nil
	}
	read.uncertainty, err = uncertainty.Run(ctx, paths, uncertainty.Options{Draws: f.draws, Seed: f.seed, Level: f.level, Ranking: options})
	if err != nil {
		return results{}, dataError(err)
	}
	return read, nil
}

// fileSize is a number of bytes.
type fileSize int64

// String has the unit that people read best.
func (s fileSize) String() string {
	if s < 1_000_000 {
		return fmt.Sprintf("%.0f kB", float64(s)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(s)/1e6)
}

// Write counts.
func (s *fileSize) Write(p []byte) (int, error) {
	*s += fileSize(len(p))
	return len(p), nil
}

// writeReportFile makes a file that appears whole or not at all, and returns
// its size.
func writeReportFile(path string, write func(io.Writer) error) (fileSize, error) {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o666))
	if err != nil {
		return 0, usagef("%s cannot be written: %w", path, err)
	}
	defer file.Cleanup()
	var size fileSize
	if err := write(io.MultiWriter(file, &size)); err != nil {
		return 0, dataError(err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return 0, usagef("%s cannot be written: %w", path, err)
	}
	return size, nil
}

func writeHTMLReport(w io.Writer, read results, f reportFlags) error {
	page, err := html.New(read.cohort, html.Options{
		Title: f.title, Version: pipeline.Version, Ranking: read.options,
		Published: f.against != "", ExcludeDamaged: f.excludeDamaged,
		Uncertainty: read.uncertainty, Sheets: read.sheets, WithoutSheet: read.withoutSheet,
	})
	if err != nil {
		return err
	}
	return page.Write(w)
}
