package uncertainty

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"quba/pipeline/record"
	"quba/ranking"
)

func threeModels(images int) fixture {
	return fixture{models: []string{"a", "b", "c"}, images: images, uses: allUses()}
}

// read makes the sample of a result folder.
func read(t *testing.T, folders ...string) (*sample, ranking.Ranking) {
	t.Helper()
	cohort, err := ranking.Read(folders)
	if err != nil {
		t.Fatal(err)
	}
	ranked, err := ranking.QUBA(cohort, ranking.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSample(ranked.Models)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if err := s.readPredictions(context.Background(), folder); err != nil {
			t.Fatal(err)
		}
	}
	s.arrange()
	return s, ranked
}

// TestEveryImageOnceIsTheStoredScore covers every statistic, also those of
// cells that lack images.
func TestEveryImageOnceIsTheStoredScore(t *testing.T) {
	s, _ := read(t, threeModels(300).write(t))
	d := newDraw(s.sets)
	d.once()
	made := map[string]bool{}
	for _, sub := range s.subjects {
		if sub.metric == "parameters" {
			continue
		}
		if sub.statistic == nil {
			t.Errorf("%s: %s", sub.dimension, sub.reason)
			continue
		}
		value, ok := sub.statistic.value(d)
		tolerance := 0.0
		if slices.Contains([]string{"calibration_error", "class_balance"}, sub.metric) {
			tolerance = 1e-12 // they sum numbers in another order
		}
		if !ok || math.Abs(value-sub.stored) > tolerance {
			t.Errorf("%s: got %v, the stored score is %v", sub.dimension, value, sub.stored)
		}
		made[sub.metric] = true
	}
	for metric := range kinds {
		if !made[metric] {
			t.Errorf("metric %s is not covered", metric)
		}
	}
}

// TestWeightsAreCopies: an image with weight w counts as w images would.
func TestWeightsAreCopies(t *testing.T) {
	f := threeModels(120)
	s, _ := read(t, f.write(t))
	d := newDraw(s.sets)
	for i, set := range s.sets {
		d[i].fill(func(image int) uint8 {
			if set.ids[image] < "image-2" {
				return 2
			}
			return 0
		})
	}
	ones := newDraw(s.sets)
	for i, set := range s.sets {
		ones[i].fill(func(image int) uint8 {
			if set.ids[image] < "image-2" {
				return 1
			}
			return 0
		})
	}
	for _, sub := range s.subjects {
		if sub.statistic == nil {
			continue
		}
		twice, _ := sub.statistic.value(d)
		once, _ := sub.statistic.value(ones)
		if math.Abs(twice-once) > 1e-12 {
			t.Errorf("%s: all images twice give %v, once %v", sub.dimension, twice, once)
		}
		if math.Abs(once-sub.stored) < 1e-12 {
			t.Errorf("%s does not depend on the weights", sub.dimension)
		}
	}
}

func run(t *testing.T, o Options, folders ...string) *Result {
	t.Helper()
	r, err := Run(context.Background(), folders, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOrderFilesAndWorkersDoNotMatter(t *testing.T) {
	o := Options{Draws: 200, Seed: 3}
	f := threeModels(150)
	want := run(t, o, f.write(t))
	shuffled := f
	shuffled.shuffle, shuffled.files = 5, 3
	for i := range want.Models {
		want.Models[i].Source = ""
	}
	wantText := asJSON(t, want.withoutFolders())
	if got := asJSON(t, run(t, o, shuffled.write(t)).withoutFolders()); got != wantText {
		t.Errorf("shuffled and in three files:\n%s\nwant\n%s", got, wantText)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := asJSON(t, run(t, o, f.write(t)).withoutFolders()); got != wantText {
		t.Errorf("one worker:\n%s\nwant\n%s", got, wantText)
	}
	o.Seed++
	if got := asJSON(t, run(t, o, f.write(t)).withoutFolders()); got == wantText {
		t.Error("another seed gives the same draws")
	}
}

// withoutFolders drops what differs between copies of a result.
func (r *Result) withoutFolders() *Result {
	for i := range r.Models {
		r.Models[i].Source = ""
	}
	slices.SortFunc(r.DataSets, func(a, b DataSet) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// TestResultsAreMerged: models that were run apart share the draws.
func TestResultsAreMerged(t *testing.T) {
	o := Options{Draws: 200}
	f := threeModels(150)
	want := run(t, o, f.write(t))
	accuracy, rest := f.only("accuracy", "class_balance"), f.only("adversarial_robustness", "corruption_robustness", "ood_robustness", "calibration_error", "object_focus", "shape_bias", "parameters")
	got := run(t, o, accuracy.write(t), rest.write(t))
	if asJSON(t, got.Pairs[0].QUBA) != asJSON(t, want.Pairs[0].QUBA) {
		t.Errorf("got %+v, in one result %+v", got.Pairs[0].QUBA, want.Pairs[0].QUBA)
	}
}

func TestResultIsSound(t *testing.T) {
	r := run(t, Options{Draws: 400}, threeModels(300).write(t))
	if len(r.Models) != 3 || len(r.Pairs) != 3 || len(r.Notes) > 0 {
		t.Fatalf("%d models, %d pairs, notes %q", len(r.Models), len(r.Pairs), r.Notes)
	}
	methods := map[string]Method{"accuracy": Wilson, "parameters": Constant, "corruption_robustness": BCa}
	for i, m := range r.Models {
		for name, interval := range m.Dimensions {
			if !(interval.Low <= interval.Value && interval.Value <= interval.High) || name != "parameters" && interval.SE <= 0 {
				t.Errorf("%s of %s: %+v", name, m.Model, interval)
			}
			if want, ok := methods[name]; ok && interval.Method != want {
				t.Errorf("%s: method %s, want %s", name, interval.Method, want)
			}
		}
		sum := 0.0
		for _, p := range m.RankProbabilities {
			sum += p
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("rank probabilities of %s sum to %v", m.Model, sum)
		}
		if m.Rank != i+1 || m.Marginal.Low < m.Simultaneous.Low || m.Marginal.High > m.Simultaneous.High || m.Rank < m.Marginal.Low || m.Rank > m.Marginal.High {
			t.Errorf("%s: rank %d, marginal %v, simultaneous %v", m.Model, m.Rank, m.Marginal, m.Simultaneous)
		}
	}
	for _, p := range r.Pairs {
		if want := r.Models[p.First].QUBA.Value - r.Models[p.Second].QUBA.Value; p.QUBA.Value != want || p.QUBA.Holm < p.QUBA.P || p.Top1 == nil || p.Top1.Holm < p.Top1.P {
			t.Errorf("pair %+v", p)
		}
		both := p.Top1.OnlyFirst - p.Top1.OnlySecond
		gained := math.Round(300 * p.Dimensions["accuracy"].Value)
		if float64(both) != gained {
			t.Errorf("%d more images right alone, the accuracies differ by %v images", both, gained)
		}
	}
}

func TestScoresWithoutDrawsAreTakenAsTheyAre(t *testing.T) {
	f := threeModels(100)
	f.scores = func(scores []record.Score) []record.Score {
		for i := range scores {
			if scores[i].Model == "b" && scores[i].Dimension == "shape_bias" && scores[i].Part == "" {
				scores[i].Value += 0.01
			}
		}
		return scores
	}
	r := run(t, Options{Draws: 100}, f.write(t))
	for _, m := range r.Models {
		interval := m.Dimensions["shape_bias"]
		if (interval.Method == None) != (m.Model == "b") {
			t.Errorf("%s: %+v", m.Model, interval)
		}
	}
	if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "b: QUBA takes shape_bias as certain: the stored predictions give 0.") {
		t.Errorf("notes %q", r.Notes)
	}
}

// TestScoresAlone: without predictions an accuracy still is a proportion.
func TestScoresAlone(t *testing.T) {
	folder := threeModels(100).write(t)
	if err := os.RemoveAll(filepath.Join(folder, record.PredictionsFolder)); err != nil {
		t.Fatal(err)
	}
	r := run(t, Options{Draws: 100}, folder)
	if m := r.Models[0]; m.Dimensions["accuracy"].Method != Wilson || m.Dimensions["class_balance"].Method != None || m.QUBA != nil || m.Marginal != nil {
		t.Errorf("got %+v", m)
	}
	if got := r.Models[0].RankProbabilities; got != nil {
		t.Errorf("rank probabilities %v", got)
	}
	if len(r.Pairs) > 0 || !slices.Contains(r.Notes, nothingDrawn) {
		t.Errorf("%d pairs, notes %q", len(r.Pairs), r.Notes)
	}
}

func TestCohortNormalization(t *testing.T) {
	folder := threeModels(150).write(t)
	s, _ := read(t, folder)
	cohort, err := ranking.Read([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []ranking.Normalization{ranking.Paper, ranking.InCohort} {
		ranked, err := ranking.QUBA(cohort, ranking.Options{Normalization: n})
		if err != nil {
			t.Fatal(err)
		}
		for m, quba := range qubaOf(ranked, 3, s.columns(ranked.Used, func(sub *subject) []float64 { return []float64{sub.stored} })) {
			if math.Abs(quba[0]-ranked.Models[m].QUBA) > 1e-12 {
				t.Errorf("%s: the stored values give %v, the score is %v", n, quba[0], ranked.Models[m].QUBA)
			}
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{"draws": {Draws: 10}, "level": {Level: 95}, "best": {Best: -1}} {
		if _, err := Run(context.Background(), []string{t.TempDir()}, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, []string{threeModels(20).only("accuracy").write(t)}, Options{Ranking: ranking.Options{AllowPartial: true}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestDocumentIsStable: others read the result as JSON. A name may be added here,
// not taken away.
func TestDocumentIsStable(t *testing.T) {
	r := run(t, Options{Draws: 100}, threeModels(100).write(t))
	var document any
	if err := json.Unmarshal([]byte(asJSON(t, r)), &document); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	collect(document, "", names)
	want := []string{
		"draws", "seed", "level", "normalization", "data_sets.name", "data_sets.images",
		"models.model", "models.source", "models.rank", "models.quba.value", "models.quba.low", "models.quba.high",
		"models.quba.method", "models.quba.se", "models.quba.bias_corrected", "models.quba.percentile.low", "models.quba.bca.high",
		"models.dimensions.accuracy.wilson.low", "models.rank_marginal.low", "models.rank_simultaneous.high", "models.rank_probabilities",
		"pairs.first", "pairs.second", "pairs.quba.value", "pairs.quba.p", "pairs.quba.p_holm", "pairs.dimensions.class_balance.low",
		"pairs.top1.only_first", "pairs.top1.only_second", "pairs.top1.p", "pairs.top1.p_holm",
		"tie_groups", "best.tau", "best.models",
	}
	for _, name := range want {
		if !names[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

// collect lists the names in a JSON document, through lists.
func collect(document any, at string, names map[string]bool) {
	switch value := document.(type) {
	case map[string]any:
		for name, inner := range value {
			collect(inner, strings.TrimPrefix(at+"."+name, "."), names)
		}
	case []any:
		names[at] = true
		for _, inner := range value {
			collect(inner, at, names)
		}
	default:
		names[at] = true
	}
}

func TestUnknownDataSetsAreSaid(t *testing.T) {
	f := threeModels(60).only("accuracy")
	folder := f.write(t)
	f.anonymous = true
	f.writePredictions(t, folder)
	r := run(t, Options{Draws: 100, Ranking: ranking.Options{AllowPartial: true}}, folder)
	if len(r.DataSets) != 1 || r.DataSets[0].Name != "pipeline:clean" || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, "the predictions of pipeline clean do not say") }) {
		t.Errorf("data sets %v, notes %q", r.DataSets, r.Notes)
	}
}

// TestSpoiltFilesAreErrors: a file that is no Parquet ends the run with its name.
func TestSpoiltFilesAreErrors(t *testing.T) {
	folder := threeModels(30).only("accuracy").write(t)
	file := filepath.Join(folder, record.PredictionsFolder, "clean.a.0.parquet")
	if err := os.WriteFile(file, []byte("PAR1 no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), []string{folder}, Options{Ranking: ranking.Options{AllowPartial: true}}); err == nil || !strings.Contains(err.Error(), "clean.a.0.parquet") {
		t.Errorf("got %v", err)
	}
}
