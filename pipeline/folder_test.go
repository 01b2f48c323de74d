package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func TestCompileReportsEverythingAtOnce(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	_, err := b.compile(`
models: [{name: m, type: b}]
pipelines: [{name: clean, source: {type: men}, stages: [{type: duoble}, {type: double, extra: 1}]}]
sinks: [{type: kept}]
`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`test.yaml:2:20: models[0].type: unknown model type "b"`,
		`test.yaml:3:36: pipelines[0].source.type: unknown source "men"; did you mean "mem"?`,
		`pipelines[0].stages[0].type: unknown stage "duoble"; did you mean "double"?`,
		`pipelines[0].stages[1].extra: unknown key`,
		`test.yaml:4:10: sinks[0].type: unknown sink "kept"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestResultFolderIsNotMixed(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	for range 2 { // the same config may run again
		if _, err := b.run(t.Context(), oneModel, pipeline.RunOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	other := strings.ReplaceAll(oneModel, "stages: []", "stages: [{type: double}]")
	_, err := b.run(t.Context(), other, pipeline.RunOptions{})
	if !errors.Is(err, pipeline.ErrOtherResult) {
		t.Errorf("error %v, want %v", err, pipeline.ErrOtherResult)
	}
	if _, err := b.run(t.Context(), other, pipeline.RunOptions{Overwrite: true}); err != nil {
		t.Error(err)
	}
}

func TestOneRunPerResultFolder(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	var second error
	once := sync.OnceFunc(func() {
		plan, err := b.compile(oneModel)
		if err != nil {
			t.Error(err)
			return
		}
		_, second = plan.Run(t.Context(), pipeline.RunOptions{})
	})
	b.sink.onWrite = once
	if _, err := b.run(t.Context(), oneModel, pipeline.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if second == nil || !strings.Contains(second.Error(), "another run is writing here") {
		t.Errorf("second run: %v", second)
	}
}

// An interrupted run does not replace a complete result, and a run that fails
// leaves the earlier one as it is. What they have computed is all that stays of
// them.
func TestEarlierResultIsKept(t *testing.T) {
	b := newBench(t)
	b.source.N = 5000
	m := b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	if _, err := b.run(t.Context(), oneModel, pipeline.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	before := readFile(t, filepath.Join(b.out, record.RunFile))

	ctx, cancel := context.WithCancel(t.Context())
	b.sink.onWrite = cancel
	res, err := b.run(ctx, oneModel, pipeline.RunOptions{})
	if err != nil || !res.Kept || !res.Interrupted {
		t.Errorf("error %v, kept %v, interrupted %v", err, res.Kept, res.Interrupted)
	}
	b.sink.onWrite = nil
	b.source.FailAt = 4990
	if _, err := b.run(t.Context(), oneModel, pipeline.RunOptions{}); err == nil {
		t.Error("no error of a failing source")
	}
	b.source.FailAt = 0
	m.OpenErr = errors.New("gone")
	if _, err := b.run(t.Context(), oneModel, pipeline.RunOptions{}); err == nil {
		t.Error("no error of a failing model")
	}
	if after := readFile(t, filepath.Join(b.out, record.RunFile)); after != before {
		t.Errorf("the earlier run.json was replaced by\n%s", after)
	}
	if left, err := os.ReadDir(filepath.Join(b.out, ".partial")); err != nil || len(left) != 1 || left[0].Name() != "journal" {
		t.Errorf("in the staging folder are %v, want the journal (%v)", left, err)
	}
	m.OpenErr = nil
	if _, err := b.run(t.Context(), oneModel, pipeline.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(b.out, ".partial")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the staging folder was left behind: %v", err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A new result leaves nothing of the one before in the folder.
func TestNewResultReplacesTheEarlierOne(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	old := filepath.Join(b.out, "predictions", "clean.old.parquet")
	if err := os.MkdirAll(filepath.Dir(old), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := b.run(t.Context(), oneModel, pipeline.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of the earlier result is still there: %v", err)
	}
}

func TestInterruptBeforeTheFirstPrediction(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.run(ctx, oneModel, pipeline.RunOptions{}); !errors.Is(err, pipeline.ErrInterrupted) {
		t.Errorf("error %v, want %v", err, pipeline.ErrInterrupted)
	}
	if _, err := os.Stat(filepath.Join(b.out, record.RunFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, must not exist", record.RunFile, err)
	}
}

// A fault of the machine is not blamed on the model or image that met it.
func TestMachineFaultEndsTheRun(t *testing.T) {
	for _, at := range []string{"open", "read"} {
		b := newBench(t)
		m := b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
		fault := fmt.Errorf("open images/1.jpg: %w", syscall.EMFILE)
		if at == "open" {
			m.OpenErr = fault
		} else {
			b.source.Bad, b.source.ReadErr = []int{4}, fault
		}
		_, err := b.run(t.Context(), oneModel, pipeline.RunOptions{})
		if !errors.Is(err, syscall.EMFILE) || !pipeline.MachineFault(err) {
			t.Errorf("%s: error %v", at, err)
		}
	}
}

func TestTwoSinksWithOneClaim(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	registry.Register(b.reg.Sinks, "only", "stands alone", none{}, func(none) (pipeline.Sink, error) { return claimer{b.sink}, nil })
	_, err := b.compile(strings.ReplaceAll(oneModel, "[{type: keep}]", "[{type: only}, {type: only}]"))
	if err == nil || !strings.Contains(err.Error(), "sinks[1]: writes everything, as sinks[0] does") {
		t.Errorf("error %v", err)
	}
}

type claimer struct{ *memorySink }

func (claimer) Claim() string { return "everything" }
