package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	alloc "github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/rogpeppe/go-internal/testscript"

	"quba/internal/ort"
	"quba/internal/ort/orttest"
	"quba/internal/parquetio"
	"quba/pipeline/record"
	"quba/pipeline/samplestream"
)

// samePredictions STREAM FILE.parquet compares every value, bit by bit.
func samePredictions(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	r, err := samplestream.NewReader(f, alloc.DefaultAllocator)
	ts.Check(err)
	defer r.Close()
	var streamed []string
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		streamed = append(streamed, predictionRows(ts, rec)...)
	}
	var stored []string
	ts.Check(parquetio.ReadRecords(ts.MkAbs(args[1]), nil, func(rec arrow.Record) error {
		stored = append(stored, predictionRows(ts, rec)...)
		return nil
	}))
	if len(stored) == 0 || strings.Join(streamed, "\n") != strings.Join(stored, "\n") {
		ts.Fatalf("%d rows in the stream, %d in the file, which differ:\n%s\n%s", len(streamed), len(stored), streamed[0], stored[0])
	}
}

func predictionRows(ts *testscript.TestScript, rec arrow.Record) []string {
	ts.Check(record.CheckSchema(rec.Schema()))
	rows := make([]string, rec.NumRows())
	for i := range rows {
		for _, column := range rec.Columns() {
			rows[i] += column.ValueStr(i) + " "
		}
	}
	return rows
}

// TestOtherProgramsInAPipe lets pyarrow read what emit writes, and write what
// apply and predict read.
func TestOtherProgramsInAPipe(t *testing.T) {
	python := os.Getenv("PIPELINE_TEST_PYTHON")
	if python == "" {
		python = filepath.Join("..", "..", ".cache", "venv", "bin", "python")
	}
	python, err := filepath.Abs(python)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(python, "-c", "import pyarrow").CombinedOutput(); err != nil {
		t.Skipf("%s cannot import pyarrow (set PIPELINE_TEST_PYTHON to one that can): %v %s", python, err, out)
	}
	library := orttest.Library(t)
	testscript.Run(t, testscript.Params{
		Files: []string{filepath.Join("testdata", "interop.txtar")},
		Setup: func(env *testscript.Env) error {
			env.Setenv(ort.LibraryVariable, library)
			env.Setenv("PYTHON", python)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"classifier": classifier, "pictures": pictures, "exits": exits, "samepredictions": samePredictions,
		},
	})
}
