package ranking_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline/record"
	"quba/ranking"
)

// readSeqs reads the places of the stored predictions of a model and pipeline.
func readSeqs(t *testing.T, folder, model, pipeline string) (seqs []int64) {
	t.Helper()
	err := ranking.ReadPredictions(folder, model, pipeline, func(v record.View) error {
		for i := range v.Len() {
			if v.Probabilities(i) != nil {
				t.Error("the probabilities of all classes were read")
			}
			if v.Model(i) != model || v.Pipeline(i) != pipeline {
				t.Errorf("got a row of %s and %s", v.Model(i), v.Pipeline(i))
			}
			seqs = append(seqs, v.Seq(i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seqs
}

func TestReadPredictionsOfOneModelAndPipeline(t *testing.T) {
	rec := predictions(memory.DefaultAllocator, 3000, true)
	defer rec.Release()
	folder := predictionFolder(t, nil, rec.NewSlice(0, 1234), rec.NewSlice(1234, 3000))
	want := 0
	seqs := readSeqs(t, folder, "b", "clean")
	for i := range int64(3000) {
		if i/10%2 != 1 || i%50 >= 40 {
			continue
		}
		if want >= len(seqs) || seqs[want] != i {
			t.Fatalf("row %d is missing or out of order", i)
		}
		want++
	}
	if len(seqs) != want {
		t.Errorf("%d rows, want %d", len(seqs), want)
	}
	for _, name := range [][2]string{{"c", "clean"}, {"b", "noisy"}} {
		if got := readSeqs(t, folder, name[0], name[1]); got != nil {
			t.Errorf("%v: got %d rows", name, len(got))
		}
	}
}

// Files that say that they are of another model are not read.
func TestReadPredictionsTrustsTheMetadata(t *testing.T) {
	folder := predictionFolder(t, map[string]string{record.MetaModel: "b", record.MetaPipeline: "clean"},
		predictions(memory.DefaultAllocator, 100, false))
	if got := readSeqs(t, folder, "a", "clean"); got != nil {
		t.Errorf("got %d rows of a file of model b", len(got))
	}
	if got := readSeqs(t, folder, "b", "clean"); len(got) == 0 {
		t.Error("got no rows of model b")
	}
}

func TestReadPredictionsOfWhatHasNone(t *testing.T) {
	for _, path := range []string{t.TempDir(), writeFile(t, "t.csv", "model,acc\nx,0.5\n")} {
		if got := readSeqs(t, path, "a", "clean"); got != nil {
			t.Errorf("%s: got %d rows", path, len(got))
		}
	}
}

func TestReadPredictionsOfADamagedFile(t *testing.T) {
	folder := predictionFolder(t, nil, predictions(memory.DefaultAllocator, 10, false))
	damaged := filepath.Join(folder, "predictions", "1.parquet")
	if err := os.WriteFile(damaged, []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := ranking.ReadPredictions(folder, "a", "clean", func(record.View) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "1.parquet") {
		t.Errorf("got %v", err)
	}
}
