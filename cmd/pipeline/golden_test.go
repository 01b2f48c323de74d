package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/internal/imagenet"
	"quba/internal/ort"
	"quba/internal/ort/orttest"
	"quba/internal/parquetio"
	"quba/pipeline/record"
)

// shared is the folder with the reference data, which is not part of the
// project.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
		t.Skip("the reference photographs and models are not here (../shared beside the project)")
	}
	return dir
}

// golden is what the reference says of a model on the photographs.
type golden struct {
	ImageNet struct {
		Top1, Top5, ECE, ACE float64
		CalErr               float64 `json:"cal_err"`
		ClassBalance         float64 `json:"class_balance_present_classes"`
	} `json:"imagenet"`
	Argmax      []int32     `json:"argmax_all"`
	CueConflict goldenShape `json:"cue_conflict"`
	Edge        struct{ Decisions []string }
	Silhouette  struct{ Decisions []string }
	ObjectFocus struct {
		Same goldenNine `json:"mixed_same"`
		Rand goldenNine `json:"mixed_rand"`
	} `json:"object_focus"`
}

type goldenShape struct {
	Decisions []string
	Shape     int     `json:"correct_shape"`
	Texture   int     `json:"correct_texture"`
	Bias      float64 `json:"shape_bias"`
}

type goldenNine struct {
	Decisions []int32 `json:"pred_in9"`
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	var g golden
	readJSON(t, path, &g)
	return g
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

var referenceModels = []string{"efficientnet_lite0", "mobilenet_v1_0.25_128", "mobilenet_v2_1.0_224", "squeezenet1_0_dc"}

// modelLines are the reference models in YAML.
func modelLines(dir string) string {
	var models strings.Builder
	for _, m := range referenceModels {
		fmt.Fprintf(&models, "  - {name: %s, path: '%s'}\n", m, filepath.Join(dir, "models", m+".onnx"))
	}
	return models.String()
}

// runConfig runs a config and gives the result folder and what it printed.
func runConfig(t *testing.T, text string) (out string, stdout []byte) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	out = t.TempDir()
	var printed, stderr bytes.Buffer
	if code := mainCode([]string{"run", config, "--out", out, "--format", "json"}, &printed, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	t.Log(stderr.String())
	return out, printed.Bytes()
}

// The whole command on real photographs and real classifiers gives what the
// Python reference gives.
func TestReferenceModels(t *testing.T) {
	dir := shared(t)
	t.Setenv(ort.LibraryVariable, orttest.Library(t))
	text := fmt.Sprintf(`
models:
%s
pipelines:
  - name: clean
    source: {type: image_folder, root: '%s', labels: imagenet}
sinks:
  - {type: predictions}
  - {type: scores, metric: accuracy, on: {clean: clean}}
  - {type: scores, metric: calibration_error, on: {clean: clean}}
  - {type: scores, metric: class_balance, on: {clean: clean}}
  - {type: scores, metric: parameters}
`, modelLines(dir), filepath.Join(dir, "data", "imagenet-sample", "val"))
	out, stdout := runConfig(t, text)
	var doc struct {
		Models []struct {
			Model      string
			Dimensions map[string]struct {
				Value float64
				N     int64
				Parts map[string]float64
			}
		}
	}
	if err := json.Unmarshal(stdout, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Models) != len(referenceModels) {
		t.Fatalf("%d models, want %d", len(doc.Models), len(referenceModels))
	}
	for _, m := range doc.Models {
		g := readGolden(t, filepath.Join(dir, "golden", "models", m.Model+".json"))
		checkDecisions(t, m.Model, filepath.Join(out, "predictions", "clean."+m.Model+".parquet"), g.Argmax)
		near := func(what string, got, want, tolerance float64) {
			if math.Abs(got-want) > tolerance {
				t.Errorf("%s: %s is %v, reference %v, tolerance %v", m.Model, what, got, want, tolerance)
			}
		}
		near("accuracy", m.Dimensions["accuracy"].Value, g.ImageNet.Top1, 2.0/500)
		near("top-5", m.Dimensions["accuracy"].Parts["top5"], g.ImageNet.Top5, 2.0/500)
		near("ECE", m.Dimensions["calibration_error"].Parts["ece"], g.ImageNet.ECE, 0.01*g.ImageNet.ECE)
		near("ACE", m.Dimensions["calibration_error"].Parts["ace"], g.ImageNet.ACE, 0.01*g.ImageNet.ACE)
		near("calibration error", m.Dimensions["calibration_error"].Value, g.ImageNet.CalErr, 0.01*g.ImageNet.CalErr)
		near("class balance", m.Dimensions["class_balance"].Value, g.ImageNet.ClassBalance, 0.003)
		t.Logf("%s: top-1 %.4f (%.4f), ECE %.6f (%.6f), ACE %.3e (%.3e), calibration error %.6f (%.6f)", m.Model,
			m.Dimensions["accuracy"].Value, g.ImageNet.Top1, m.Dimensions["calibration_error"].Parts["ece"], g.ImageNet.ECE,
			m.Dimensions["calibration_error"].Parts["ace"], g.ImageNet.ACE, m.Dimensions["calibration_error"].Value, g.ImageNet.CalErr)
	}
}

// checkDecisions allows 2 of 500 decisions on JPEG files to differ.
func checkDecisions(t *testing.T, model, path string, want []int32) {
	t.Helper()
	row, differ := 0, 0
	err := parquetio.ReadRecords(path, nil, func(rec arrow.Record) error {
		v, err := record.NewView(rec)
		if err != nil {
			return err
		}
		for i := range v.Len() {
			if row < len(want) && v.Top1(i) != want[row] {
				differ++
				t.Logf("%s: %s is %d, reference %d", model, v.ID(i), v.Top1(i), want[row])
			}
			row++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if row != len(want) || differ > 2 {
		t.Errorf("%s: %d of %d decisions differ over %d images, at most 2 may", model, differ, len(want), row)
	}
}

// referenceSet is a data set of PNG files with the decisions that the
// reference made on it.
type referenceSet struct {
	name, source string
	files        []string // in the order of the decisions
	decision     *record.Decision
	want         func(golden) []int32
}

func categoriesOf(names []string) []int32 {
	classes := make([]int32, len(names))
	for i, name := range names {
		classes[i] = int32(slices.Index(imagenet.Categories16(record.First).Classes, name))
	}
	return classes
}

func referenceSets(t *testing.T, dir string) []referenceSet {
	t.Helper()
	var human struct{ Cue, Edge, Silhouette []string }
	var nine []string
	readJSON(t, filepath.Join(dir, "data", "manifest.json"), &human)
	readJSON(t, filepath.Join(dir, "data", "in9_manifest.json"), &nine)
	variant := func(name string) (files []string) {
		for _, file := range nine {
			if strings.Contains(file, "/"+name+"/") {
				files = append(files, file)
			}
		}
		return files
	}
	categories, nineWay := imagenet.Categories16(record.First), imagenet.ImageNet9()
	return []referenceSet{
		{"cue-conflict", "model_vs_human, set: cue-conflict", human.Cue, categories, func(g golden) []int32 { return categoriesOf(g.CueConflict.Decisions) }},
		{"edge", "model_vs_human, set: edge", human.Edge, categories, func(g golden) []int32 { return categoriesOf(g.Edge.Decisions) }},
		{"silhouette", "model_vs_human, set: silhouette", human.Silhouette, categories, func(g golden) []int32 { return categoriesOf(g.Silhouette.Decisions) }},
		{"mixed_same", "imagenet_9, variant: mixed_same", variant("mixed_same"), nineWay, func(g golden) []int32 { return g.ObjectFocus.Same.Decisions }},
		{"mixed_rand", "imagenet_9, variant: mixed_rand", variant("mixed_rand"), nineWay, func(g golden) []int32 { return g.ObjectFocus.Rand.Decisions }},
	}
}

// PNG files decode exactly, so all decisions on them are the reference's.
func TestReferenceDecisions(t *testing.T) {
	dir := shared(t)
	t.Setenv(ort.LibraryVariable, orttest.Library(t))
	sets := referenceSets(t, dir)
	var pipelines strings.Builder
	for _, set := range sets {
		root, _, _ := strings.Cut(set.files[0], "/")
		fmt.Fprintf(&pipelines, "  - {name: %s, source: {type: %s, root: '%s'}}\n", set.name, set.source, filepath.Join(dir, "data", root))
	}
	out, _ := runConfig(t, fmt.Sprintf("models:\n%spipelines:\n%ssinks:\n  - {type: predictions, probabilities: always}\n", modelLines(dir), pipelines.String()))
	for _, model := range referenceModels {
		g := readGolden(t, filepath.Join(dir, "golden", "models", model+".json"))
		for _, set := range sets {
			rows := readDecisions(t, filepath.Join(out, record.PredictionsFolder, set.name+"."+model+".parquet"))
			checkSameDecisions(t, model, set, rows, set.want(g))
			if set.name == "cue-conflict" {
				checkShapeBias(t, model, rows, g.CueConflict)
			}
		}
	}
}

// decided is what a model said of an image.
type decided struct {
	id               string
	label, cue, top1 int32
	probs            []float32
}

func readDecisions(t *testing.T, path string) []decided {
	t.Helper()
	var rows []decided
	err := parquetio.ReadRecords(path, nil, func(rec arrow.Record) error {
		v, err := record.NewView(rec)
		if err != nil {
			return err
		}
		for i := range v.Len() {
			rows = append(rows, decided{strings.Clone(v.ID(i)), v.Label(i), v.Cue(i), v.Top1(i), slices.Clone(v.Probabilities(i))})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// checkSameDecisions shows the two probabilities of each decision that
// differs.
func checkSameDecisions(t *testing.T, model string, set referenceSet, rows []decided, want []int32) {
	t.Helper()
	if len(rows) != len(set.files) || len(rows) != len(want) {
		t.Fatalf("%s on %s: %d decisions on %d files, reference %d", model, set.name, len(rows), len(set.files), len(want))
	}
	differ := 0
	for i, row := range rows {
		if !strings.HasSuffix(set.files[i], "/"+row.id) {
			t.Fatalf("%s on %s: image %d is %s, reference %s", model, set.name, i, row.id, set.files[i])
		}
		if row.top1 != want[i] {
			differ++
			t.Errorf("%s: %s is %s, reference %s", model, set.files[i], decisionWords(set.decision, row, row.top1), decisionWords(set.decision, row, want[i]))
		}
	}
	t.Logf("%s on %s: %d of %d decisions differ", model, set.name, differ, len(rows))
}

func decisionWords(d *record.Decision, row decided, class int32) string {
	if class == record.NoClass {
		return "none of the classes"
	}
	return fmt.Sprintf("%s (log probability %.6f)", d.Classes[class], math.Log(float64(row.probs[class])))
}

func checkShapeBias(t *testing.T, model string, rows []decided, want goldenShape) {
	t.Helper()
	shape, texture := 0, 0
	for _, row := range rows {
		switch {
		case row.label == row.cue:
		case row.top1 == row.label:
			shape++
		case row.top1 == row.cue:
			texture++
		}
	}
	bias := float64(shape) / float64(shape+texture)
	if shape != want.Shape || texture != want.Texture || math.Abs(bias-want.Bias) > 1e-12 {
		t.Errorf("%s: shape %d, texture %d, bias %v; reference %+v", model, shape, texture, bias, want)
	}
	t.Logf("%s: shape bias %v (%v)", model, bias, want.Bias)
}
