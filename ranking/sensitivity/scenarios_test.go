package sensitivity

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/ranking"
)

func TestScenariosAreWhatTheCommandReads(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "configs", "weights", "*.yaml"))
	if err != nil || len(files) != len(Scenarios()) {
		t.Fatalf("%d files, %d scenarios, %v", len(files), len(Scenarios()), err)
	}
	for i, s := range Scenarios() {
		read := ok[ranking.Weights](t)(ranking.ReadWeights(files[i]))
		if filepath.Base(files[i]) != s.Name+".yaml" || !maps.Equal(read, s.Weights) {
			t.Errorf("%s: %v, the command reads %v", s.Name, s.Weights, read)
		}
		if len(s.Weights) != len(ranking.Dimensions()) {
			t.Errorf("%s must weigh every dimension, weighs %v", s.Name, slices.Sorted(maps.Keys(s.Weights)))
		}
		if len(s.Doc) < 20 || strings.Contains(s.Doc, "#") {
			t.Errorf("%s: doc %q", s.Name, s.Doc)
		}
	}
}

func TestFindScenario(t *testing.T) {
	if s := ok[Scenario](t)(FindScenario("edge-device")); s.Weights["parameters"] != 4 {
		t.Errorf("got %+v", s)
	}
	if _, err := FindScenario("edge-devise"); err == nil || !strings.Contains(err.Error(), `did you mean "edge-device"?`) {
		t.Errorf("got %v", err)
	}
}

func TestScenariosRankAsTheRankingDoes(t *testing.T) {
	r := rankingOf(t, ranking.Published(), ranking.Options{})
	m := ok[Matrix](t)(New(r))
	all := ok[[]ScenarioRanking](t)(m.ScoreScenarios(Scenarios(), 10))
	for i, s := range Scenarios() {
		want := map[string]ranking.Ranked{}
		for _, model := range rankingOf(t, ranking.Published(), ranking.Options{Weights: s.Weights}).Models {
			want[model.Source] = model
		}
		for row, model := range r.Models {
			near(t, s.Name+" "+model.Name, all[i].Scores[row], want[model.Source].QUBA, 1e-12)
			if !want[model.Source].Tied && all[i].Ranks[row] != want[model.Source].Rank {
				t.Errorf("%s, %s: rank %d, want %d", s.Name, model.Name, all[i].Ranks[row], want[model.Source].Rank)
			}
		}
		t.Logf("%-16s tau %.3f, top 10 overlap %.1f, first %s", s.Name, all[i].Tau, all[i].TopOverlap, m.Models[slices.Index(all[i].Ranks, 1)])
	}
}

func TestScenarioOnSomeDimensions(t *testing.T) {
	m := matrixOf([][]float64{{1, 0}, {0, 1}}, 1, 1)
	m.Dimensions = []string{"accuracy", "parameters"}
	only := map[string]float64{"acc": 3, "parameters": 0}
	none := maps.Clone(only)
	none["acc"] = 0
	all := ok[[]ScenarioRanking](t)(m.ScoreScenarios([]Scenario{{Name: "some", Weights: only}, {Name: "none", Weights: none}}, 1))
	if len(all) != 1 || !slices.Equal(all[0].Weights, []float64{1, 0}) || !slices.Equal(all[0].Ranks, []int{1, 2}) {
		t.Fatalf("got %+v", all)
	}
	if missing := all[0].Missing; len(missing) != 7 || !slices.Contains(missing, "shape_bias") {
		t.Errorf("missing %v", missing)
	}
}

func TestScenarioFaults(t *testing.T) {
	m := published(t)
	for want, w := range map[string]ranking.Weights{
		"of no dimension":    {"acuracy": 1},
		"of one twice":       {"accuracy": 1, "acc": 1, "x": 1},
		"must be at least 0": {"accuracy": -1},
	} {
		if _, err := m.ScoreScenarios([]Scenario{{Name: "s", Weights: w}}, 10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", w, err, want)
		}
	}
	if _, err := m.ScoreScenarios(nil, 0); err == nil {
		t.Error("no error for a top of none")
	}
}
