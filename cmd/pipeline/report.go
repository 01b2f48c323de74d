package main

import (
	"context"
	"io"
	"os"
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
	outputs      []string
	title        string
	weightsFile  string
	weights      []string
	allowPartial bool
	against      string
	draws        int
	seed         uint64
	sheet        string
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report RESULT...",
		Short: "Write a ranking and what is behind it as one file",
		Long: `report reads what rank reads and writes one file for each --output, in the form that
its ending says: an .html page with charts that re-ranks as weights are moved and needs no
network, a .md table for pull requests and model cards, or a .tex table for papers.`,
		Example: `  pipeline report results/demo --allow-partial -o report.html -o table.tex`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("pipeline report needs a result folder, a scores file or a table; see `pipeline report --help`")
			}
			return writeReport(cmd.Context(), args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.outputs, "output", "o", []string{"report.html"}, "`file` to write, .html, .md or .tex; may be repeated")
	flags.StringVar(&f.title, "title", "Model ranking", "`text` above the report")
	flags.StringVar(&f.weightsFile, "weights", "", "`file` with the weights to begin with, or a scenario, as for rank")
	flags.StringArrayVar(&f.weights, "weight", nil, "weight of one dimension, `DIMENSION=NUMBER`; may be repeated and comes before --weights")
	flags.BoolVar(&f.allowPartial, "allow-partial", false, "rank by the dimensions that all models have")
	flags.StringVar(&f.against, "against", "", "`published`: show the 326 models of the paper behind the own ones")
	flags.IntVar(&f.draws, "draws", 2000, "bootstrap draws of the stored predictions for intervals and rank sets; 0 leaves them out")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the draws")
	flags.StringVar(&f.sheet, "sheet", "", "PNG `file` with perturbed images to show, as preview writes it")
	return cmd
}

// results are what a report is made of.
type results struct {
	cohort      ranking.Cohort
	options     ranking.Options
	uncertainty *uncertainty.Result // nil without draws
	sheet       []byte              // nil without one
}

// reportWriters write a report in the form of a file ending.
var reportWriters = map[string]func(io.Writer, results, reportFlags) error{
	".html": writeHTMLReport,
	".md":   writeMarkdownReport,
	".tex":  writeLaTeXReport,
}

func writeReport(ctx context.Context, paths []string, f reportFlags) error {
	for _, path := range f.outputs {
		if _, ok := reportWriters[strings.ToLower(filepath.Ext(path))]; !ok {
			return usagef("--output must end in .html, .md or .tex, got %q", path)
		}
	}
	read, err := readResults(ctx, paths, f)
	if err != nil {
		return err
	}
	for _, path := range f.outputs {
		if err := writeReportFile(path, read, f); err != nil {
			return err
		}
	}
	return nil
}

func readResults(ctx context.Context, paths []string, f reportFlags) (results, error) {
	if f.against != "" && f.against != "published" {
		return results{}, usagef("--against must be published, got %q", f.against)
	}
	weights, err := rankFlags{weightsFile: f.weightsFile, weights: f.weights}.chosenWeights()
	if err != nil {
		return results{}, err
	}
	options := ranking.Options{Weights: weights, AllowPartial: f.allowPartial}
	cohort, err := ranking.Read(paths)
	if err != nil {
		return results{}, dataError(err)
	}
	read := results{cohort: cohort, options: options}
	if f.sheet != "" {
		if read.sheet, err = os.ReadFile(f.sheet); err != nil {
			return results{}, usagef("--sheet: %w", err)
		}
	}
	if f.draws == 0 {
		return read, nil
	}
	read.uncertainty, err = uncertainty.Run(ctx, paths, uncertainty.Options{Draws: f.draws, Seed: f.seed, Ranking: options})
	if err != nil {
		return results{}, dataError(err)
	}
	return read, nil
}

// writeReportFile makes a file that appears whole or not at all.
func writeReportFile(path string, read results, f reportFlags) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o666))
	if err != nil {
		return usagef("--output: %w", err)
	}
	defer file.Cleanup()
	if err := reportWriters[strings.ToLower(filepath.Ext(path))](file, read, f); err != nil {
		return dataError(err)
	}
	return file.CloseAtomicallyReplace()
}

func writeHTMLReport(w io.Writer, read results, f reportFlags) error {
	page, err := html.New(read.cohort, html.Options{
		Title: f.title, Version: pipeline.Version,
		Weights: read.options.Weights, AllowPartial: read.options.AllowPartial,
		Published: f.against != "", Uncertainty: read.uncertainty, Sheet: read.sheet,
	})
	if err != nil {
		return err
	}
	return page.Write(w)
}
