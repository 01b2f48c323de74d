package report_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"quba/internal/parquetio"
	"quba/metrics"
	"quba/pipeline/record"
	"quba/ranking"
	"quba/ranking/report"
)

// measure makes the scores of random predictions of one model over many
// classes, with a result folder that stores them.
func measure(t *testing.T, classes int, pipeline record.PipelineRecord, names ...string) ranking.Cohort {
	t.Helper()
	folder := t.TempDir()
	var uses []record.MetricSpec
	for _, name := range names {
		uses = append(uses, record.MetricSpec{Dimension: name, Metric: name, On: map[string]string{"clean": pipeline.Name}})
	}
	metadata := map[string]string{
		record.MetaProtocol:  "standard",
		record.MetaModels:    text(t, []record.ModelRecord{{Name: "m", Classes: classes}}),
		record.MetaPipelines: text(t, []record.PipelineRecord{pipeline}),
		record.MetaMetrics:   text(t, uses),
	}
	if err := os.Mkdir(filepath.Join(folder, record.PredictionsFolder), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, record.RunFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := parquetio.Create(filepath.Join(folder, record.PredictionsFolder, "p.parquet"), record.Predictions, metadata)
	if err != nil {
		t.Fatal(err)
	}
	b := record.NewBuilder(memory.DefaultAllocator, true)
	defer b.Release()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20 * classes {
		output := make([]float32, classes)
		for k := range output {
			output[k] = random.Float32() * 8
		}
		row := record.Row{Model: "m", Pipeline: pipeline.Name, Seq: uint64(i), ID: fmt.Sprint(i), Label: int32(random.IntN(classes)), Cue: record.NoClass}
		output[row.Label] += 2
		b.Append(row, output, record.Logits)
	}
	rec := b.NewRecord()
	defer rec.Release()
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := ranking.Recompute([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(t *testing.T, v any) string {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func newReport(t *testing.T, c ranking.Cohort, o report.Options) report.Report {
	t.Helper()
	r, err := report.New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func partOf(t *testing.T, v ranking.Value, name string) float64 {
	t.Helper()
	for _, p := range v.Parts {
		if p.Name == name {
			return p.Value
		}
	}
	t.Fatalf("there is no part %s", name)
	return 0
}

// The bins are those that the stored ECE was made from.
func TestBinsGiveTheECE(t *testing.T) {
	c := measure(t, 7, record.PipelineRecord{Name: "p"}, "calibration_error")
	d := newReport(t, c, report.Options{Dimension: "calibration_error"}).Models[0].Dimensions[0]
	if len(d.Table.Rows) != 16 {
		t.Fatalf("%d bins, want 16", len(d.Table.Rows))
	}
	sum, n := 0.0, int64(0)
	for _, row := range d.Table.Rows {
		count := row[2].(int64)
		n += count
		if count == 0 {
			continue
		}
		sum += row[5].(float64) * float64(count)
		if confidence := row[3].(float64); confidence < float64(row[0].(float32)) || confidence > float64(row[1].(float32)) {
			t.Errorf("mean confidence %v lies outside its bin %v..%v", confidence, row[0], row[1])
		}
	}
	if n != d.N {
		t.Errorf("the bins hold %d samples, want %d", n, d.N)
	}
	near(t, "ECE", sum/float64(n), partOf(t, c.Models[0].Values["calibration_error"], "ece"))
}

// The table of classes has what accuracy and class balance were made from.
func TestClassesGiveTheScores(t *testing.T) {
	const classes = 30
	c := measure(t, classes, record.PipelineRecord{Name: "p"}, "accuracy", "class_balance")
	rows := newReport(t, c, report.Options{Dimension: "class_balance", All: true}).Models[0].Dimensions[0].Table.Rows
	if len(rows) != classes {
		t.Fatalf("%d classes, want %d", len(rows), classes)
	}
	right, n, mean, spread := 0.0, 0.0, 0.0, 0.0
	for i, row := range rows {
		if row[0].(int64) != int64(i+1) || i > 0 && row[4].(float64) > rows[i-1][4].(float64) {
			t.Errorf("row %d is out of order: %v", i, row)
		}
		right += row[4].(float64) * float64(row[3].(int64))
		n += float64(row[3].(int64))
		mean += row[4].(float64) / classes
		spread += row[6].(float64) / classes
	}
	variance := 0.0
	for _, row := range rows {
		variance += (row[4].(float64) - mean) * (row[4].(float64) - mean) / (classes - 1)
	}
	near(t, "accuracy", right/n, c.Models[0].Values["accuracy"].Value)
	near(t, "accuracy balance", 1-math.Sqrt(variance), partOf(t, c.Models[0].Values["class_balance"], "accuracy_balance"))
	near(t, "confidence balance", 1-spread, partOf(t, c.Models[0].Values["class_balance"], "confidence_balance"))

	ends := newReport(t, c, report.Options{Dimension: "accuracy"}).Models[0].Dimensions[0]
	if want := append(append([][]any{}, rows[:10]...), rows[classes-10:]...); cmp.Diff(want, ends.Table.Rows) != "" {
		t.Errorf("best and worst: %s", cmp.Diff(want, ends.Table.Rows))
	}
	if len(ends.Notes) != 1 || !strings.Contains(ends.Notes[0], "the 10 classes between") {
		t.Errorf("notes: %q", ends.Notes)
	}
}

func TestClassNames(t *testing.T) {
	firstName := func(classes int, p record.PipelineRecord) any {
		c := measure(t, classes, p, "accuracy")
		for _, row := range newReport(t, c, report.Options{Dimension: "accuracy", All: true}).Models[0].Dimensions[0].Table.Rows {
			if row[1].(int64) == 0 {
				return row[2]
			}
		}
		return "class 0 is not there"
	}
	if got := firstName(2, record.PipelineRecord{Name: "p"}); got != nil {
		t.Errorf("unknown classes: %v", got)
	}
	if got := firstName(2, record.PipelineRecord{Name: "p", Classes: []string{"cat", "dog"}}); got != "cat" {
		t.Errorf("classes of a decision: %v", got)
	}
	if got := firstName(2, record.PipelineRecord{Name: "p", Classes: []string{"n01443537", "n01484850"}}); got != "goldfish" {
		t.Errorf("classes named by wnid: %v", got)
	}
	if got := firstName(1000, record.PipelineRecord{Name: "p"}); got != "tench" {
		t.Errorf("classes of ImageNet: %v", got)
	}
}

func cohortOf(dimension string, v ranking.Value) ranking.Cohort {
	return ranking.Cohort{Models: []ranking.Model{{Name: "m", Values: map[string]ranking.Value{dimension: v}}}}
}

func TestCorruptionGrid(t *testing.T) {
	v := ranking.Value{Value: 0.5, N: 10, Parts: []metrics.Part{
		{Name: "clean", Value: 0.8},
		{Name: "fog", Value: 0.5},
		{Name: "fog/2", Value: 0.4},
		{Name: "saturate", Value: 1},
		{Name: "saturate/5", Value: 0.8},
		{Name: "fog/ce", Value: 70},
		{Name: "mce", Value: 71},
	}}
	d := newReport(t, cohortOf("corruption_robustness", v), report.Options{Dimension: "corruption_robustness"}).Models[0].Dimensions[0]
	if got := len(d.Table.Rows); got != 16 {
		t.Fatalf("%d rows, want the 15 and one extra", got)
	}
	if diff := cmp.Diff([]any{"fog", nil, 0.4, nil, nil, nil, 0.5, 70.0}, d.Table.Rows[9]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"saturate", nil, nil, nil, nil, 0.8, 1.0, nil}, d.Table.Rows[15]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]metrics.Part{{Name: "clean", Value: 0.8}, {Name: "mce", Value: 71}}, d.Table.Rest); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"saturate is an extra without a share in the score"}, d.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestAttackCurves(t *testing.T) {
	point := func(name string, ratio float64) []metrics.Part {
		parts := []metrics.Part{{Name: name, Value: ratio, N: 9}}
		for i, key := range []string{"before", "after", "linf_mean", "linf_max", "l2_mean", "l2_max"} {
			parts = append(parts, metrics.Part{Name: name + "/" + key, Value: float64(i), N: 9})
		}
		return parts
	}
	rest := []metrics.Part{{Name: "auc", Value: 0.3}, {Name: "pgd", Value: 0.25, N: 9}, {Name: "pgd/forward", Value: 90, N: 18}}
	v := ranking.Value{Value: 0.5, N: 9, Parts: slices.Concat(rest, point("pgd/eps_0.25", 0.75), point("pgd/eps_8", 0.25), point("pgd_l2/eps_0.5", 0.1))}
	d := newReport(t, cohortOf("adversarial_robustness", v), report.Options{Dimension: "adversarial_robustness"}).Models[0].Dimensions[0]
	want := [][]any{
		{"pgd", 0.25, int64(9), 0.0, 1.0, 0.75, 2.0, 3.0, 4.0, 5.0},
		{"pgd", 8.0, int64(9), 0.0, 1.0, 0.25, 2.0, 3.0, 4.0, 5.0},
		{"pgd_l2", 0.5, int64(9), 0.0, 1.0, 0.1, 2.0, 3.0, 4.0, 5.0},
	}
	if diff := cmp.Diff(want, d.Table.Rows); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(rest, d.Table.Rest); diff != "" {
		t.Error(diff)
	}
}

// A layout that does not know the parts leaves them to the plain list, as does
// a metric without a layout.
func TestUnknownPartsAreListed(t *testing.T) {
	parts := []metrics.Part{{Name: "odd", Value: 2, N: 3}, {Name: "even", Value: 4}}
	for _, dimension := range []string{"adversarial_robustness", "corruption_robustness", "calibration_error", "accuracy", "my_own"} {
		d := newReport(t, cohortOf(dimension, ranking.Value{Value: 0.5, Parts: parts}), report.Options{Dimension: dimension}).Models[0].Dimensions[0]
		if diff := cmp.Diff([][]any{{"odd", 2.0, int64(3)}, {"even", 4.0, nil}}, d.Table.Rows); diff != "" {
			t.Errorf("%s: %s", dimension, diff)
		}
		if len(d.Table.Rest) != 0 {
			t.Errorf("%s: %v are shown twice", dimension, d.Table.Rest)
		}
	}
}

func TestModelsWithoutTheDimension(t *testing.T) {
	c := cohortOf("accuracy", ranking.Value{Value: 0.5, Partial: true})
	c.Models = append(c.Models, ranking.Model{Name: "other", Values: map[string]ranking.Value{"shape_bias": {Value: 1}}})
	r := newReport(t, c, report.Options{Dimension: "accuracy", Plain: true})
	if len(r.Models) != 1 || cmp.Diff([]string{"other: has no accuracy"}, r.Notes) != "" {
		t.Errorf("got %+v", r)
	}
	if diff := cmp.Diff([]string{"made without some of its parts"}, r.Models[0].Dimensions[0].Notes); diff != "" {
		t.Error(diff)
	}
	if _, err := report.New(c, report.Options{Model: "other", Dimension: "accuracy"}); err == nil || !strings.Contains(err.Error(), `unknown dimension "accuracy"; known: shape_bias`) {
		t.Errorf("got %v", err)
	}
}

func TestCells(t *testing.T) {
	for _, c := range []struct {
		cell         any
		brief, exact string
	}{
		{nil, "", ""},
		{"fog", "fog", "fog"},
		{int64(50000), "50000", "50000"},
		{float32(2) / 3, "0.6667", "0.6666667"},
		{0.05, "0.0500", "0.05"},
		{1.0, "1.0000", "1"},
		{0.0, "0.0000", "0"},
		{-0.25, "-0.2500", "-0.25"},
		{100.0, "100", "100"},
		{0.000123456, "0.000123", "0.000123456"},
		{1e20, "1e+20", "1e+20"},
	} {
		if got := report.Brief(c.cell); got != c.brief {
			t.Errorf("brief %v: %q, want %q", c.cell, got, c.brief)
		}
		if got := report.Exact(c.cell); got != c.exact {
			t.Errorf("exact %v: %q, want %q", c.cell, got, c.exact)
		}
	}
}
