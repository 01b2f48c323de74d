package metrics_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/metrics"
	"quba/pipeline/record"
)

// goldenCase is one case of testdata/expected.json, computed with
// torchmetrics and the authors' code.
type goldenCase struct {
	N       int64   `json:"n"`
	Top1    float64 `json:"top1"`
	Top5    float64 `json:"top5"`
	ECE     float64 `json:"ece"`
	ACE     float64 `json:"ace"`
	CalErr  float64 `json:"cal_err"`
	ECEBins struct {
		Acc, Conf, Prop []float64
	} `json:"ece_bins"`
	FairAcc               *float64  `json:"fair_acc"`
	FairConf              float64   `json:"fair_conf"`
	ClassBalance          *float64  `json:"class_balance"`
	FairAccPresent        float64   `json:"fair_acc_present_classes"`
	ClassBalancePresent   float64   `json:"class_balance_present_classes"`
	ClassesPresent        float64   `json:"classes_present"`
	Classes               int       `json:"classes"`
	Class0Bounds          []float64 `json:"ace_class0_upper_bounds"`
	Class0Used            int       `json:"ace_class0_used"`
	ACEFromLogits         *float64  `json:"ace_tolerance_from_logits"`
	Logits, Labels, Probs string
}

func goldenCases(t *testing.T) map[string]goldenCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases map[string]goldenCase }
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) != 6 {
		t.Fatalf("want 6 golden cases, got %d", len(golden.Cases))
	}
	return golden.Cases
}

func readFloats(t *testing.T, name string) []float32 {
	t.Helper()
	words := readWords(t, name)
	values := make([]float32, len(words))
	for i, w := range words {
		values[i] = math.Float32frombits(w)
	}
	return values
}

func readWords(t *testing.T, name string) []uint32 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	words := make([]uint32, len(data)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return words
}

// samples is a set of model outputs with labels.
type samples struct {
	outputs [][]float32
	kind    record.Output
	labels  []int32
	variant variant // of all
}

// variant is a perturbation with its severity; empty for clean images.
type variant struct {
	perturbation string
	severity     int32
	attack       *record.Attack
}

func (c goldenCase) samples(t *testing.T, fromProbs bool) samples {
	t.Helper()
	name, kind := c.Logits, record.Logits
	if fromProbs {
		name, kind = c.Probs, record.Probabilities
	}
	s := samples{kind: kind, outputs: slices.Collect(slices.Chunk(readFloats(t, name), c.Classes))}
	for _, w := range readWords(t, c.Labels) {
		s.labels = append(s.labels, int32(w))
	}
	return s
}

// each calls visit with views of the samples, cut after each of sizes rows;
// the last size repeats.
func (s samples) each(t testing.TB, mem memory.Allocator, sizes []int, visit func(record.View)) {
	t.Helper()
	b := record.NewBuilder(mem, true)
	defer b.Release()
	for start := 0; start < len(s.labels); {
		end := min(start+sizes[0], len(s.labels))
		if len(sizes) > 1 {
			sizes = sizes[1:]
		}
		for i := start; i < end; i++ {
			cue := (s.labels[i] + 1) % int32(len(s.outputs[i]))
			row := record.Row{Model: "m", Pipeline: "p", Perturbation: s.variant.perturbation, Severity: s.variant.severity, Seq: uint64(i), ID: fmt.Sprint(i), Label: s.labels[i], Cue: cue, Attack: s.variant.attack}
			b.Append(row, s.outputs[i], s.kind)
		}
		start = end
		rec := b.NewRecord()
		v, err := record.NewView(rec)
		if err != nil {
			t.Fatal(err)
		}
		visit(v)
		rec.Release()
	}
}

func newSpec(t testing.TB, name string) metrics.Spec {
	t.Helper()
	entry, err := metrics.Registry.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := entry.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// score runs a metric with the one role "clean" over the samples.
func (s samples) score(t testing.TB, name string, env metrics.Env, sizes ...int) (metrics.Score, error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	m := newSpec(t, name).New(env)
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	s.each(t, mem, append(sizes, 100), func(v record.View) {
		if err := m.Observe("clean", v); err != nil {
			t.Fatal(err)
		}
	})
	return m.Score()
}

func mustScore(t testing.TB, s samples, name string, env metrics.Env, sizes ...int) metrics.Score {
	t.Helper()
	score, err := s.score(t, name, env, sizes...)
	if err != nil {
		t.Fatal(err)
	}
	return score
}

func part(t testing.TB, s metrics.Score, name string) float64 {
	t.Helper()
	i := slices.IndexFunc(s.Parts, func(p metrics.Part) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("no part %q in %v", name, s.Parts)
	}
	return s.Parts[i].Value
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, tolerance)
	}
}
