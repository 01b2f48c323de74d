package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quba/ranking"
)

// rankFlags are the options of `pipeline rank`.
type rankFlags struct {
	scoringFlags
	recompute bool
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
	f.scoringFlags.add(flags, "show where the models stand among the 326 of the paper")
	flags.BoolVar(&f.recompute, "recompute", false, "make the scores again from the stored predictions")
	f.layerFlags.add(flags)
	return cmd
}

func (f rankFlags) options() (ranking.Options, error) {
	if err := f.check(); err != nil {
		return ranking.Options{}, err
	}
	return f.scoringFlags.options()
}

// check finds flags that do not go together.
func (f rankFlags) check() error {
	if f.uncertainty && (f.against != "" || f.recompute) {
		return usagef("--uncertainty goes without --against and --recompute: it draws from the stored predictions of the results that are named")
	}
	return f.layerFlags.check()
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
		read = ranking.Recompute
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
		doc: rankDoc{r.Document(), layerDocs(layers)}, notes: r.NotesForReaders(), layers: layers,
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
		fmt.Fprintln(a.stderr, "note: "+printable(note))
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
