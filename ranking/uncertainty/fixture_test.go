package uncertainty

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/parquetio"
	"quba/pipeline/record"
	"quba/ranking"
)

// fixture is a made result of models that differ in skill, with the predictions
// of all dimensions.
type fixture struct {
	models []string
	images int
	uses   []record.MetricSpec
	// shuffle is the seed of the order of the rows, 0 for that of the images;
	// files is how many they are spread over.
	shuffle uint64
	files   int
	// anonymous leaves out which data sets were read.
	anonymous bool
	// scores changes the stored scores before they are written.
	scores func([]record.Score) []record.Score
}

const fixtureClasses = 8

func allUses() []record.MetricSpec {
	clean := map[string]string{"clean": "clean"}
	return []record.MetricSpec{
		{Dimension: "accuracy", Metric: "accuracy", On: clean},
		{Dimension: "adversarial_robustness", Metric: "adversarial_robustness", On: map[string]string{"fgsm": "fgsm", "pgd": "pgd"}},
		{Dimension: "adversarial_area", Metric: "adversarial_robustness", On: map[string]string{"fgsm": "fgsm", "pgd": "pgd"}, Options: map[string]any{"score": "auc"}},
		{Dimension: "corruption_robustness", Metric: "corruption_robustness", On: map[string]string{"clean": "clean", "corrupted": "corrupted"}},
		{Dimension: "ood_robustness", Metric: "ood_robustness", On: map[string]string{"clean": "clean", "edge": "edge", "imagenet_r": "imagenet_r"}},
		{Dimension: "calibration_error", Metric: "calibration_error", On: clean},
		{Dimension: "class_balance", Metric: "class_balance", On: clean},
		{Dimension: "object_focus", Metric: "object_focus", On: map[string]string{"clean": "clean", "mixed_same": "mixed_same", "mixed_rand": "mixed_rand"}},
		{Dimension: "shape_bias", Metric: "shape_bias", On: map[string]string{"cue_conflict": "cue_conflict"}},
		{Dimension: "parameters", Metric: "parameters"},
	}
}

// variant is a changed image of a pipeline.
type variant struct {
	pipeline, digest, perturbation string
	severity                       int32
	harm                           float32 // how far logits of the true class fall
}

func fixtureVariants() []variant {
	variants := []variant{
		{"clean", "aa", "", 0, 0},
		{"edge", "bb", "", 0, 1.5},
		{"imagenet_r", "cc", "", 0, 1},
		{"mixed_same", "dd", "", 0, 0.3},
		{"mixed_rand", "ee", "", 0, 0.8},
		{"cue_conflict", "ff", "", 0, 1},
	}
	for severity := range int32(5) {
		for _, name := range []string{"fog", "frost_procedural", "snow", "spatter"} {
			variants = append(variants, variant{"corrupted", "aa", name, severity + 1, 0.4 * float32(severity+1)})
		}
	}
	for _, attack := range []string{"fgsm", "pgd"} {
		variants = append(variants, variant{attack, "aa", attack, 400, 0.4}, variant{attack, "aa", attack, 800, 0.8})
	}
	return variants
}

// predictions are the rows of a model in a variant: those of one image are
// alike in all variants.
func (f fixture) predictions(b *record.Builder, model int, v variant, images []int) {
	for _, i := range images {
		if (i+int(v.severity))%11 == 0 && v.perturbation == "snow" {
			continue // not every cell has every image
		}
		image := rand.New(rand.NewPCG(uint64(i), 7))
		own := rand.New(rand.NewPCG(uint64(i), uint64(100+model)))
		row := record.Row{
			Model: f.models[model], Pipeline: v.pipeline, Perturbation: v.perturbation, Severity: v.severity,
			Seq: uint64(i), ID: fmt.Sprintf("image-%d", i), Label: int32(image.IntN(fixtureClasses)), Cue: record.NoClass,
		}
		output := make([]float32, fixtureClasses)
		for k := range output {
			output[k] = 1.2*image.Float32() + own.Float32()
		}
		output[row.Label] += 1.2 + 0.3*float32(model) - v.harm
		if v.pipeline == "cue_conflict" {
			row.Cue = (row.Label + int32(i%3)) % fixtureClasses
			output[row.Cue]++
		}
		if v.pipeline == v.perturbation {
			row.Attack = &record.Attack{Before: image.IntN(4) > 0, Linf: 0.01, L2: 0.1, Forward: 2, Backward: 1}
		}
		b.Append(row, output, record.Logits)
	}
}

// write makes a finished result folder.
func (f fixture) write(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, record.PredictionsFolder), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, record.RunFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.writePredictions(t, folder)
	f.writeScores(t, folder)
	return folder
}

func (f fixture) writePredictions(t testing.TB, folder string) {
	t.Helper()
	order := make([]int, f.images)
	for i := range order {
		order[i] = i
	}
	if f.shuffle > 0 {
		rand.New(rand.NewPCG(f.shuffle, 0)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	byPipeline := map[string][]variant{}
	for _, v := range fixtureVariants() {
		byPipeline[v.pipeline] = append(byPipeline[v.pipeline], v)
	}
	for model, name := range f.models {
		for pipeline, variants := range byPipeline {
			part := (f.images + max(1, f.files) - 1) / max(1, f.files)
			for k := 0; k*part < f.images; k++ {
				f.writeFile(t, folder, model, variants, order[k*part:min(f.images, (k+1)*part)], fmt.Sprintf("%s.%s.%d", pipeline, name, k))
			}
		}
	}
}

func (f fixture) writeFile(t testing.TB, folder string, model int, variants []variant, images []int, name string) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := record.NewBuilder(mem, variants[0].pipeline == "clean")
	defer b.Release()
	for _, v := range variants {
		f.predictions(b, model, v, images)
	}
	rec := b.NewRecord()
	defer rec.Release()
	meta := f.metadata(t)
	if f.files <= 1 {
		meta[record.MetaModel], meta[record.MetaPipeline] = f.models[model], variants[0].pipeline
		meta[record.MetaDatasetSHA256] = variants[0].digest
	}
	if f.anonymous {
		delete(meta, record.MetaDatasetSHA256)
		delete(meta, record.MetaDatasets)
	}
	writeParquet(t, filepath.Join(folder, record.PredictionsFolder, name+".parquet"), meta, rec)
}

func writeParquet(t testing.TB, path string, meta map[string]string, rec arrow.Record) {
	t.Helper()
	w, err := parquetio.Create(path, rec.Schema(), meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) metadata(t testing.TB) map[string]string {
	t.Helper()
	var models []record.ModelRecord
	for i, name := range f.models {
		models = append(models, record.ModelRecord{Name: name, SHA256: "hash of " + name, Classes: fixtureClasses, Parameters: int64(1+i) * 1e6})
	}
	digests := map[string]string{}
	for _, v := range fixtureVariants() {
		digests[v.pipeline] = v.digest
	}
	return map[string]string{
		record.MetaProtocol: "standard", record.MetaModels: asJSON(t, models),
		record.MetaMetrics: asJSON(t, f.uses), record.MetaDatasets: asJSON(t, digests),
	}
}

func asJSON(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// writeScores stores the scores that the metrics make of the predictions.
func (f fixture) writeScores(t testing.TB, folder string) {
	t.Helper()
	cohort, err := ranking.Recompute([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	if len(cohort.Notes) > 0 {
		t.Fatal(cohort.Notes)
	}
	var scores []record.Score
	for _, m := range cohort.Models {
		for _, dimension := range m.Dimensions() {
			v := m.Values[dimension]
			scores = append(scores, record.Score{Model: m.Name, Dimension: dimension, Value: v.Value, N: v.N, Note: v.Note})
			for _, p := range v.Parts {
				scores = append(scores, record.Score{Model: m.Name, Dimension: dimension, Part: p.Name, Value: p.Value, N: p.N})
			}
		}
	}
	if f.scores != nil {
		scores = f.scores(scores)
	}
	if err := parquetio.WriteScores(filepath.Join(folder, record.ScoresFile), scores, f.metadata(t)); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) only(dimensions ...string) fixture {
	f.uses = slices.DeleteFunc(slices.Clone(f.uses), func(u record.MetricSpec) bool { return !slices.Contains(dimensions, u.Dimension) })
	return f
}
