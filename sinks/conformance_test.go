package sinks

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline"
	"quba/pipeline/record"
)

// sinkFixtures has one for each registered sink: a new sink needs one line
// here, and the test says so when it is missing.
var sinkFixtures = map[string]func(t *testing.T) pipeline.Sink{
	"predictions": func(t *testing.T) pipeline.Sink {
		return makeSink(t, "predictions", predictionsConfig{Probabilities: "auto"})
	},
	"scores": func(t *testing.T) pipeline.Sink {
		return makeSink(t, "scores", scoresConfig{Metric: "accuracy", On: map[string]string{"clean": "clean"}})
	},
}

// makeSink builds a sink through its registry entry.
func makeSink[C any](t testing.TB, name string, config C) pipeline.Sink {
	t.Helper()
	s, err := tryMakeSink(name, config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryMakeSink[C any](name string, config C) (pipeline.Sink, error) {
	entry, err := Sinks.Lookup(name)
	if err != nil {
		return nil, err
	}
	return entry.New(func(into any) error {
		*into.(*C) = config
		return nil
	})
}

// newRun is a run of the models a and b on the pipelines clean and noisy.
func newRun(t testing.TB) *pipeline.Run {
	return &pipeline.Run{
		Out: t.TempDir(), Protocol: "standard", Metadata: map[string]string{"quba.seed": "0"},
		Models: []pipeline.RunModel{
			{Name: "a", Info: pipeline.ModelInfo{SHA256: "aa", Classes: 3, Parameters: 1000, ParametersOrigin: "graph"}},
			{Name: "b", Info: pipeline.ModelInfo{SHA256: "bb", Classes: 3}},
		},
		Pipelines: []pipeline.RunPipeline{
			{Name: "clean", Source: pipeline.SourceInfo{Digest: "dd", Samples: 4, Classes: 3}},
			{Name: "noisy", Source: pipeline.SourceInfo{Digest: "ee", Samples: 4, Classes: 3}},
		},
	}
}

// rowsOf makes rows of a model and pipeline; the label is the position modulo
// 3 and the outputs are right for every second row.
func rowsOf(mem memory.Allocator, pipelineName, model string, first, n int, probs bool) arrow.Record {
	b := record.NewBuilder(mem, probs)
	defer b.Release()
	for i := first; i < first+n; i++ {
		label := int32(i % 3)
		output := make([]float32, 3)
		output[(int(label)+i%2)%3] = 1
		b.Append(record.Row{Model: model, Pipeline: pipelineName, Seq: uint64(i), ID: string(rune('a' + i)), Label: label, Cue: record.NoClass}, output, record.Logits)
	}
	return b.NewRecord()
}

// feed writes four rows in two records for both models and pipelines, and
// releases each record after Write.
func feed(t *testing.T, mem memory.Allocator, s pipeline.Sink) {
	t.Helper()
	for first := 0; first < 4; first += 2 {
		for _, name := range []string{"clean", "noisy"} {
			for _, model := range []string{"a", "b"} {
				rec := rowsOf(mem, name, model, first, 2, true)
				err := s.Write(context.Background(), rec)
				rec.Release()
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// files lists what a sink left in the result folder.
func files(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(root, path)
			found = append(found, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSinksConform(t *testing.T) {
	for _, name := range Sinks.Names() {
		t.Run(name, func(t *testing.T) {
			make, ok := sinkFixtures[name]
			if !ok {
				t.Fatalf("the sink %s has no fixture; add one to sinkFixtures", name)
			}
			t.Run("abort", func(t *testing.T) { checkAbort(t, make(t)) })
			t.Run("close", func(t *testing.T) { checkClose(t, make(t)) })
			t.Run("drop", func(t *testing.T) { checkDrop(t, make) })
			t.Run("sticky", func(t *testing.T) { checkSticky(t, make(t)) })
		})
	}
}

func open(t *testing.T, s pipeline.Sink) *pipeline.Run {
	t.Helper()
	run := newRun(t)
	if err := s.Open(context.Background(), run); err != nil {
		t.Fatal(err)
	}
	return run
}

func checkAbort(t *testing.T, s pipeline.Sink) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	run := open(t, s)
	feed(t, mem, s)
	s.Abort()
	s.Abort()
	mem.AssertSize(t, 0)
	entries, err := os.ReadDir(run.Out)
	if err != nil || len(entries) > 0 {
		t.Errorf("Abort leaves %v, %v", entries, err)
	}
}

func checkClose(t *testing.T, s pipeline.Sink) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	run := open(t, s)
	feed(t, mem, s)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	mem.AssertSize(t, 0)
	before := files(t, run.Out)
	s.Abort()
	if after := files(t, run.Out); !slices.Equal(before, after) {
		t.Errorf("Abort after Close: %v became %v", before, after)
	}
	if s.Close(context.Background()) == nil {
		t.Error("a second Close gives no error")
	}
}

// checkDrop compares a run whose model b was dropped with one that never had
// it.
func checkDrop(t *testing.T, make func(*testing.T) pipeline.Sink) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	s := make(t)
	dropper, ok := s.(pipeline.ModelDropper)
	if !ok {
		t.Skip("keeps nothing by model")
	}
	run := open(t, s)
	feed(t, mem, s)
	dropper.Drop("b")
	dropper.Drop("unknown")
	late := rowsOf(mem, "clean", "b", 4, 1, true)
	if err := s.Write(context.Background(), late); err != nil {
		t.Fatal(err)
	}
	late.Release()
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	mem.AssertSize(t, 0)
	for _, name := range files(t, run.Out) {
		if slices.Contains([]string{"predictions/clean.b.parquet", "predictions/noisy.b.parquet"}, name) {
			t.Errorf("%s is there", name)
		}
	}
	scorer, ok := s.(pipeline.Scorer)
	if !ok {
		return
	}
	if len(scorer.Scores()) == 0 {
		t.Error("the other model has no score")
	}
	for _, score := range scorer.Scores() {
		if score.Model != "a" {
			t.Errorf("score of %s", score.Model)
		}
	}
}

func checkSticky(t *testing.T, s pipeline.Sink) {
	run := open(t, s)
	other := array.NewRecord(arrow.NewSchema(nil, nil), nil, 0)
	first := s.Write(context.Background(), other)
	if first == nil {
		t.Fatal("a record of another schema gives no error")
	}
	rec := rowsOf(memory.DefaultAllocator, "clean", "a", 0, 1, true)
	if err := s.Write(context.Background(), rec); !errors.Is(err, first) {
		t.Errorf("the next Write gives %v", err)
	}
	if err := s.Close(context.Background()); !errors.Is(err, first) {
		t.Errorf("Close gives %v", err)
	}
	if left := files(t, run.Out); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
