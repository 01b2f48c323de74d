package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quba/ranking"
	"quba/ranking/sensitivity"
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
	seed           uint64
	layerFlags
}

func (a *app) rankCommand() *cobra.Command {
	var f rankFlags
	cmd := &cobra.Command{
		Use:   "rank RESULT...",
		Short: "Rank models with QUBA from result folders, score files or tables",
		Long: `rank reads result folders, scores.parquet files and wide tables (CSV or Parquet,
one row for each model) and prints the QUBA score of every model with its
dimensions. It needs neither models nor images.

Flags add layers below the table, in CSV one in its place. With --against
published they look at the models together with the published rows.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("pipeline rank needs a result folder, a scores file or a table; see `pipeline rank --help`")
			}
			return a.rank(cmd.Context(), args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.normalization, "normalization", "paper", "what values are compared with: paper (frozen constants) or cohort")
	flags.StringVar(&f.weightsFile, "weights", "", "`file` with weights, YAML or JSON: dimension: weight; or a scenario: "+strings.Join(scenarioNames(), ", "))
	flags.StringArrayVar(&f.weights, "weight", nil, "weight of one dimension, `DIMENSION=NUMBER`; may be repeated and comes before --weights")
	flags.BoolVar(&f.allowPartial, "allow-partial", false, "rank by the dimensions that all models have")
	flags.BoolVar(&f.recompute, "recompute", false, "make the scores again from the stored predictions")
	flags.StringVar(&f.against, "against", "", "`published`: show where the models stand among the 326 of the paper")
	flags.BoolVar(&f.excludeDamaged, "exclude-damaged", false, "with --against: leave out the published rows that look damaged")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of everything random")
	f.layerFlags.add(flags)
	return cmd
}

func (f rankFlags) options() (ranking.Options, error) {
	if err := f.check(); err != nil {
		return ranking.Options{}, err
	}
	normalization, err := ranking.ParseNormalization(f.normalization)
	if err != nil {
		return ranking.Options{}, usagef("--normalization: %w", err)
	}
	weights, err := f.chosenWeights()
	if err != nil {
		return ranking.Options{}, err
	}
	return ranking.Options{Normalization: normalization, Weights: weights, AllowPartial: f.allowPartial}, nil
}

// check finds flags that do not go together.
func (f rankFlags) check() error {
	switch {
	case f.against != "" && f.against != "published":
		return usagef("--against must be published, got %q", f.against)
	case f.excludeDamaged && f.against == "":
		return usagef("--exclude-damaged goes with --against published")
	case f.uncertainty && (f.against != "" || f.recompute):
		return usagef("--uncertainty goes without --against and --recompute: it draws from the stored predictions of the results that are named")
	}
	return f.layerFlags.check()
}

// chosenWeights are those of the file or scenario, with those of flags in
// their place.
func (f rankFlags) chosenWeights() (ranking.Weights, error) {
	weights := ranking.Weights{}
	if f.weightsFile != "" {
		var err error
		if weights, err = readWeights(f.weightsFile); err != nil {
			return nil, usagef("--weights: %w", err)
		}
	}
	flags := ranking.Weights{}
	for _, text := range f.weights {
		if err := flags.ParseWeight(text); err != nil {
			return nil, usagef("--weight: %w", err)
		}
	}
	maps.Copy(weights, flags)
	return weights, nil
}

func scenarioNames() []string {
	var names []string
	for _, s := range sensitivity.Scenarios() {
		names = append(names, s.Name)
	}
	return names
}

// readWeights takes the name of a scenario or a file.
func readWeights(nameOrFile string) (ranking.Weights, error) {
	scenario, unknown := sensitivity.FindScenario(nameOrFile)
	if unknown == nil {
		return maps.Clone(scenario.Weights), nil
	}
	weights, err := ranking.ReadWeights(nameOrFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; nor is it a scenario: %w", err, unknown)
	}
	return weights, err
}

func (a *app) rank(ctx context.Context, paths []string, f rankFlags) error {
	opt, err := f.options()
	if err != nil {
		return err
	}
	if chosen := f.chosen(); a.format == "csv" && len(chosen) > 1 {
		return usagef("--format csv holds one table: choose one of %s, or another format", strings.Join(chosen, ", "))
	}
	read := ranking.Read
	if f.recompute {
		read = ranking.RecomputeAll
	}
	cohort, err := read(paths)
	if err != nil {
		return dataError(err)
	}
	base := rankedLayers
	if f.against != "" {
		base = againstLayers
	}
	out, err := base(ctx, rankSubject{paths: paths, cohort: cohort, options: opt, flags: f})
	if err != nil {
		return err
	}
	return a.writeLayers(out)
}

// rankedLayers ranks the models and makes the layers that were asked for.
func rankedLayers(ctx context.Context, s rankSubject) (layered, error) {
	r, err := ranking.QUBA(s.cohort, s.options)
	if err != nil {
		return layered{}, dataError(err)
	}
	s.ranking = r
	layers, err := s.layers(ctx)
	if err != nil {
		return layered{}, err
	}
	return layersOn(r, layers), nil
}

func layersOn(r ranking.Ranking, layers []layer) layered {
	return layered{
		table: textGrid(r.Rows()), exact: textGrid(r.ExactRows()),
		doc: rankDoc{r.Document(), layerDocs(layers)}, notes: r.Notes, layers: layers,
	}
}

// writeRanking prints a ranking without layers.
func (a *app) writeRanking(r ranking.Ranking) error { return a.writeLayers(layersOn(r, nil)) }

// rankDoc is `pipeline rank --format json`.
type rankDoc struct {
	ranking.Document
	Layers map[string]any `json:"layers,omitempty"`
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
