package sinks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/parquetio"
	"quba/pipeline"
	"quba/pipeline/record"
)

func TestPredictionsWritesOneFileForPipelineAndModel(t *testing.T) {
	s := makeSink(t, "predictions", predictionsConfig{Probabilities: "auto"})
	run := open(t, s)
	feed(t, memory.DefaultAllocator, s)
	if left := readableFiles(t, run.Out); len(left) > 0 {
		t.Errorf("%v is visible before Close", left)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"predictions/clean.a.parquet", "predictions/clean.b.parquet",
		"predictions/noisy.a.parquet", "predictions/noisy.b.parquet",
	}
	if got := files(t, run.Out); !slices.Equal(got, want) {
		t.Fatalf("files are %v, want %v", got, want)
	}
	meta, err := parquetio.Metadata(filepath.Join(run.Out, want[2]))
	if err != nil {
		t.Fatal(err)
	}
	wantMeta := map[string]string{
		"quba.seed": "0", "quba.schema": record.Version, "quba.pipeline": "noisy",
		"quba.model": "a", "quba.model_sha256": "aa", "quba.dataset_sha256": "ee",
	}
	if fmt.Sprint(meta) != fmt.Sprint(wantMeta) {
		t.Errorf("metadata is %v, want %v", meta, wantMeta)
	}
	if len(run.Metadata) != 1 {
		t.Errorf("the metadata of the run became %v", run.Metadata)
	}
	wantRows := rowsOf(memory.DefaultAllocator, "noisy", "a", 0, 4, true)
	err = parquetio.ReadRecords(filepath.Join(run.Out, want[2]), nil, func(rec arrow.Record) error {
		if !array.RecordEqual(rec, wantRows) {
			t.Errorf("rows are %v, want %v", rec, wantRows)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// readableFiles lists the finished Parquet files below a folder.
func readableFiles(t *testing.T, root string) []string {
	return slices.DeleteFunc(files(t, root), func(name string) bool { return filepath.Ext(name) != ".parquet" })
}

func TestPredictionsProbabilities(t *testing.T) {
	for option, c := range map[string]struct {
		needs, carried, stored bool
	}{
		"auto": {false, true, true}, "always": {true, true, true}, "never": {false, true, false},
	} {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		s := makeSink(t, "predictions", predictionsConfig{Probabilities: option})
		if needs := s.(pipeline.Needer).Needs("clean"); slices.Contains(needs, record.ColProbs) != c.needs {
			t.Errorf("%s: needs %v", option, needs)
		}
		run := open(t, s)
		rec := rowsOf(mem, "clean", "a", 0, 2, c.carried)
		if err := s.Write(context.Background(), rec); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		err := parquetio.ReadRecords(filepath.Join(run.Out, "predictions/clean.a.parquet"), nil, func(got arrow.Record) error {
			v, err := record.NewView(got)
			if err == nil && (v.Probabilities(0) != nil) != c.stored {
				t.Errorf("%s: stored %v", option, v.Probabilities(0))
			}
			if err == nil && v.ID(1) != "b" {
				t.Errorf("%s: ID is %s", option, v.ID(1))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		rec.Release()
		mem.AssertSize(t, 0)
	}
}

func TestPredictionsReportsAFolderThatCannotBe(t *testing.T) {
	s := makeSink(t, "predictions", predictionsConfig{Probabilities: "auto"})
	run := newRun(t)
	if err := os.WriteFile(filepath.Join(run.Out, "predictions"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.Open(context.Background(), run) == nil {
		t.Error("no error")
	}
}

func TestPredictionsCloseFailsWhole(t *testing.T) {
	s := makeSink(t, "predictions", predictionsConfig{Probabilities: "auto"})
	run := open(t, s)
	feed(t, memory.DefaultAllocator, s)
	// A folder in the way of the second file: its rename must fail.
	if err := os.MkdirAll(filepath.Join(run.Out, "predictions", "noisy.a.parquet", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if s.Close(context.Background()) == nil {
		t.Fatal("no error")
	}
	for _, name := range files(t, run.Out) {
		if _, err := parquetio.Metadata(filepath.Join(run.Out, name)); err != nil {
			t.Errorf("%s is not whole: %v", name, err)
		}
	}
}
