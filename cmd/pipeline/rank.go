package main

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/spf13/cobra"

	"quba/ranking"
)

// rankFlags are the options of `pipeline rank`.
type rankFlags struct {
	normalization  string
	weightsFile    string
	weights        []string
	allowPartial   bool
	recompute      bool
	against        string
	excludeDamaged bool
}

func (a *app) rankCommand() *cobra.Command {
	var f rankFlags
	cmd := &cobra.Command{
		Use:   "rank RESULT...",
		Short: "Rank models with QUBA from result folders, score files or tables",
		Long: `rank reads result folders, scores.parquet files and wide tables (CSV or Parquet,
one row for each model) and prints the QUBA score of every model with its
dimensions. It needs neither models nor images.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("pipeline rank needs a result folder, a scores file or a table; see `pipeline rank --help`")
			}
			return a.rank(args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.normalization, "normalization", "paper", "what values are compared with: paper (frozen constants) or cohort")
	flags.StringVar(&f.weightsFile, "weights", "", "`file` with weights, YAML or JSON: dimension: weight")
	flags.StringArrayVar(&f.weights, "weight", nil, "weight of one dimension, `DIMENSION=NUMBER`; may be repeated and comes before --weights")
	flags.BoolVar(&f.allowPartial, "allow-partial", false, "rank by the dimensions that all models have")
	flags.BoolVar(&f.recompute, "recompute", false, "make the scores again from the stored predictions")
	flags.StringVar(&f.against, "against", "", "`published`: show where the models stand among the 326 of the paper")
	flags.BoolVar(&f.excludeDamaged, "exclude-damaged", false, "with --against: leave out the published rows that look damaged")
	return cmd
}

func (f rankFlags) options() (ranking.Options, error) {
	normalization, err := ranking.ParseNormalization(f.normalization)
	if err != nil {
		return ranking.Options{}, usagef("--normalization: %w", err)
	}
	weights := ranking.Weights{}
	if f.weightsFile != "" {
		if weights, err = ranking.ReadWeights(f.weightsFile); err != nil {
			return ranking.Options{}, usagef("--weights: %w", err)
		}
	}
	flags := ranking.Weights{}
	for _, text := range f.weights {
		if err := flags.ParseWeight(text); err != nil {
			return ranking.Options{}, usagef("--weight: %w", err)
		}
	}
	maps.Copy(weights, flags)
	if f.against != "" && f.against != "published" {
		return ranking.Options{}, usagef("--against must be published, got %q", f.against)
	}
	if f.excludeDamaged && f.against == "" {
		return ranking.Options{}, usagef("--exclude-damaged goes with --against published")
	}
	return ranking.Options{Normalization: normalization, Weights: weights, AllowPartial: f.allowPartial}, nil
}

func (a *app) rank(paths []string, f rankFlags) error {
	opt, err := f.options()
	if err != nil {
		return err
	}
	read := ranking.Read
	if f.recompute {
		read = ranking.RecomputeAll
	}
	cohort, err := read(paths)
	if err != nil {
		return dataError(err)
	}
	if f.against != "" {
		return a.printAgainst(cohort, opt, f.excludeDamaged)
	}
	return a.printRanking(cohort, opt)
}

func (a *app) printRanking(cohort ranking.Cohort, opt ranking.Options) error {
	r, err := ranking.QUBA(cohort, opt)
	if err != nil {
		return dataError(err)
	}
	return a.writeRanking(r)
}

func (a *app) writeRanking(r ranking.Ranking) error {
	if a.format == "json" {
		doc, err := r.JSON()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s\n", doc)
		return err
	}
	header, rows := r.Rows()
	if a.format == "csv" {
		header, rows = r.ExactRows()
	}
	if err := textGrid(header, rows).render(a.stdout, a.format); err != nil {
		return err
	}
	a.notes(r.Notes)
	return nil
}

func (a *app) notes(notes []string) {
	for _, note := range notes {
		fmt.Fprintln(a.stderr, "note: "+note)
	}
}

// textGrid aligns the columns that hold only numbers to the right.
func textGrid(header []string, rows [][]string) grid {
	g := grid{header: header, rows: rows, numeric: map[int]bool{}}
	for i := range header {
		g.numeric[i] = len(rows) > 0
		for _, row := range rows {
			if _, err := strconv.ParseFloat(row[i], 64); err != nil && row[i] != "" && row[i] != "-" {
				g.numeric[i] = false
			}
		}
	}
	return g
}
