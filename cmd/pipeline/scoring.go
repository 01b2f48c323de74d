package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"

	"github.com/spf13/pflag"

	"quba/ranking"
	"quba/ranking/sensitivity"
)

// scoringFlags say how models are scored, for all verbs that rank.
type scoringFlags struct {
	normalization  string
	weightsFile    string
	weights        []string
	allowPartial   bool
	against        string
	excludeDamaged bool
	seed           uint64
}

// add defines the flags; against says what the published models are for.
func (f *scoringFlags) add(flags *pflag.FlagSet, against string) {
	flags.StringVar(&f.normalization, "normalization", "paper", "what values are compared with: paper (frozen constants) or cohort")
	flags.StringVar(&f.weightsFile, "weights", "", "`file` with weights, YAML or JSON: dimension: weight; or a scenario: "+strings.Join(scenarioNames(), ", "))
	flags.StringArrayVar(&f.weights, "weight", nil, "weight of one dimension, `DIMENSION=NUMBER`; may be repeated and comes before --weights")
	flags.BoolVar(&f.allowPartial, "allow-partial", false, "rank by the dimensions that all models have")
	flags.StringVar(&f.against, "against", "", "`published`: "+against)
	flags.BoolVar(&f.excludeDamaged, "exclude-damaged", false, "with --against: leave out the published rows that look damaged")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of everything random")
}

func (f scoringFlags) options() (ranking.Options, error) {
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

func (f scoringFlags) check() error {
	switch {
	case f.against != "" && f.against != "published":
		return usagef("--against must be published, got %q", f.against)
	case f.excludeDamaged && f.against == "":
		return usagef("--exclude-damaged goes with --against published")
	}
	return nil
}

// chosenWeights are those of the file or scenario, with those of flags in
// their place.
func (f scoringFlags) chosenWeights() (ranking.Weights, error) {
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
