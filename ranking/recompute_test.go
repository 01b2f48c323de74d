package ranking_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"quba/internal/parquetio"
	"quba/metrics"
	"quba/pipeline/record"
	"quba/pipeline/registry"
	"quba/ranking"
)

var measured = []string{"accuracy", "calibration_error", "class_balance", "parameters"}

func usesJSON(t testing.TB, names ...string) string {
	t.Helper()
	type use struct {
		Dimension string            `json:"dimension"`
		Metric    string            `json:"metric"`
		On        map[string]string `json:"on,omitempty"`
	}
	var uses []use
	for _, name := range names {
		u := use{Dimension: name, Metric: name}
		if name != "parameters" {
			u.On = map[string]string{"clean": "clean"}
		}
		uses = append(uses, u)
	}
	text, err := json.Marshal(uses)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// predictions makes rows of models a and b, in turns of ten, with clean and
// other pipelines mixed.
func predictions(mem memory.Allocator, rows int, withProbs bool) arrow.Record {
	random := rand.New(rand.NewPCG(3, 4))
	b := record.NewBuilder(mem, withProbs)
	defer b.Release()
	for i := range rows {
		output := []float32{random.Float32() * 3, random.Float32(), random.Float32()}
		row := record.Row{Model: "a", Pipeline: "clean", Seq: uint64(i), ID: fmt.Sprint(i), Label: int32(random.IntN(3)), Cue: record.NoClass}
		if i/10%2 == 1 {
			row.Model = "b"
		}
		if i%50 >= 40 {
			row.Pipeline = "other"
		}
		b.Append(row, output, record.Logits)
	}
	return b.NewRecord()
}

// scoresByHand folds the rows one by one, without Fold and without Parquet.
func scoresByHand(t *testing.T, rec arrow.Record, model string) map[string]metrics.Score {
	t.Helper()
	scores := map[string]metrics.Score{}
	for _, name := range measured {
		entry, err := metrics.Registry.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := entry.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		m := spec.New(metrics.Env{Protocol: metrics.Standard, Classes: 3, Parameters: 4_652_008, ParametersOrigin: "side-car"})
		defer m.Close()
		for i := range rec.NumRows() {
			row := rec.NewSlice(i, i+1)
			defer row.Release()
			v, err := record.NewView(row)
			if err != nil {
				t.Fatal(err)
			}
			if name == "parameters" || v.Model(0) != model || v.Pipeline(0) != "clean" {
				continue
			}
			if err := m.Observe("clean", v); err != nil {
				t.Fatal(err)
			}
		}
		if scores[name], err = m.Score(); err != nil {
			t.Fatal(err)
		}
	}
	return scores
}

func TestRecomputeGivesTheScoresAgain(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	rec := predictions(mem, 3000, true)
	defer rec.Release()
	folder := predictionFolder(t, map[string]string{
		"quba.protocol": "standard", "quba.models": twoModels, "quba.metrics": usesJSON(t, measured...),
	}, rec.NewSlice(0, 1234), rec.NewSlice(1234, 3000))
	c, err := ranking.Recompute([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	if c.Protocol != "standard" || len(c.Models) != 2 {
		t.Fatalf("got %+v", c)
	}
	for name, want := range scoresByHand(t, rec, "a") {
		got := c.Models[0].Values[name]
		if got.Value != want.Value || got.N != want.N || got.Note != strings.Join(want.Notes, "; ") {
			t.Errorf("%s: got %v of %d (%s), want %v", name, got.Value, got.N, got.Note, want)
		}
		if diff := cmp.Diff(want.Parts, got.Parts); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// b has no parameter count.
	if _, ok := c.Models[1].Values["parameters"]; ok || !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "parameters of b") }) {
		t.Errorf("b: %+v, notes %q", c.Models[1].Values["parameters"], c.Notes)
	}
}

// predictionFolder writes each record to its own file and releases it.
func predictionFolder(t *testing.T, meta map[string]string, records ...arrow.Record) string {
	t.Helper()
	folder := finishedFolder(t)
	if err := os.Mkdir(filepath.Join(folder, "predictions"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, rec := range records {
		writeRecords(t, filepath.Join(folder, "predictions", fmt.Sprintf("%d.parquet", i)), meta, rec)
		rec.Release()
	}
	return folder
}

func TestRecomputeWithoutProbabilities(t *testing.T) {
	folder := predictionFolder(t, map[string]string{
		"quba.protocol": "standard", "quba.models": twoModels, "quba.metrics": usesJSON(t, "accuracy", "calibration_error"),
	}, predictions(memory.DefaultAllocator, 200, false))
	c, err := ranking.Recompute([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Models[0].Values["accuracy"]; !ok {
		t.Error("accuracy needs no probabilities and is missing")
	}
	if _, ok := c.Models[0].Values["calibration_error"]; ok || len(c.Notes) != 2 || !strings.Contains(c.Notes[0], "hold no probabilities") {
		t.Errorf("notes: %q", c.Notes)
	}
}

type limitedConfig struct {
	Limit int `koanf:"limit"`
}

func (c limitedConfig) Validate() error {
	if c.Limit < 0 {
		return registry.Fieldf("limit", "must not be negative")
	}
	return nil
}

func init() {
	registry.Register(metrics.Registry, "test_limited", "A metric for tests.", limitedConfig{}, func(limitedConfig) (metrics.Spec, error) {
		return metrics.Spec{}, nil
	})
}

func TestRecomputeFaults(t *testing.T) {
	meta := func(models, uses string) map[string]string {
		return map[string]string{"quba.protocol": "standard", "quba.models": models, "quba.metrics": uses}
	}
	for name, c := range map[string]struct {
		meta map[string]string
		want string
	}{
		"no facts":        {map[string]string{}, "does not say which models"},
		"unknown metric":  {meta(twoModels, `[{"dimension":"accuracy","metric":"acuracy"}]`), `did you mean "accuracy"`},
		"unknown option":  {meta(twoModels, `[{"dimension":"accuracy","metric":"accuracy","options":{"bins":3}}]`), "bins"},
		"wrong option":    {meta(twoModels, `[{"dimension":"x","metric":"test_limited","options":{"limit":-1}}]`), "limit: must not be negative"},
		"role not bound":  {meta(twoModels, `[{"dimension":"accuracy","metric":"accuracy"}]`), "on.clean"},
		"broken metadata": {meta(twoModels, `[`), "quba.metrics"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := predictionFolder(t, c.meta, predictions(memory.DefaultAllocator, 10, false))
			if _, err := ranking.Recompute([]string{folder}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := ranking.Recompute([]string{writeFile(t, "t.csv", "model,acc\nx,0.5\n")}); err == nil || !strings.Contains(err.Error(), "--recompute needs result folders") {
		t.Errorf("got %v", err)
	}
	if _, err := ranking.Recompute([]string{finishedFolder(t)}); err == nil || !strings.Contains(err.Error(), "add the sink predictions") {
		t.Errorf("got %v", err)
	}
}

// The score file, where there is one, says how the result was made.
func TestRecomputePrefersTheScoreFile(t *testing.T) {
	meta := map[string]string{"quba.protocol": "standard", "quba.models": twoModels, "quba.metrics": usesJSON(t, "accuracy")}
	folder := predictionFolder(t, map[string]string{}, predictions(memory.DefaultAllocator, 100, false))
	if err := parquetio.WriteScores(filepath.Join(folder, "scores.parquet"), []record.Score{scoreOf("a", "accuracy", 0.123)}, meta); err != nil {
		t.Fatal(err)
	}
	c, err := ranking.Recompute([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Models[0].Values["accuracy"].Value; got == 0.123 || len(c.Models[0].Values) != 1 {
		t.Errorf("got the stored score %v", got)
	}
}

func TestPredictionsAreNoScores(t *testing.T) {
	folder := predictionFolder(t, nil, predictions(memory.DefaultAllocator, 10, false))
	_, err := ranking.Read([]string{filepath.Join(folder, "predictions", "0.parquet")})
	if err == nil || !strings.Contains(err.Error(), "holds predictions, not scores") {
		t.Errorf("got %v", err)
	}
}
