package pipeline_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// memorySink keeps what it is told.
type memorySink struct {
	rows    []string
	models  []string
	dropped []string
	state   string
	failAt  int
	writes  int
	onWrite func()
	onClose func() error
}

func (s *memorySink) Open(_ context.Context, run *pipeline.Run) error {
	for _, m := range run.Models {
		s.models = append(s.models, m.Name)
	}
	s.state = "open"
	return nil
}

func (s *memorySink) Write(_ context.Context, rec arrow.Record) error {
	if s.writes++; s.writes == s.failAt {
		return errors.New("disk full")
	}
	v, err := record.NewView(rec)
	if err != nil {
		return err
	}
	for i := range v.Len() {
		s.rows = append(s.rows, fmt.Sprintf("%s/%s/%s/%s/%d=%d", v.Pipeline(i), v.Model(i), v.ID(i), v.Perturbation(i), v.Severity(i), v.Top1(i)))
	}
	if s.onWrite != nil {
		s.onWrite()
	}
	return nil
}

func (s *memorySink) Close(context.Context) error {
	s.state = "closed"
	if s.onClose != nil {
		return s.onClose()
	}
	return nil
}
func (s *memorySink) Abort()            { s.state = "aborted" }
func (s *memorySink) Drop(model string) { s.dropped = append(s.dropped, model) }

// stageFunc makes a stage of a function.
type stageFunc func(pipeline.Sample) ([]pipeline.Sample, error)

func (f stageFunc) Apply(_ context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	return f(s)
}

type none struct{}

// bench is a program with components in memory.
type bench struct {
	t       *testing.T
	reg     pipeline.Registries
	source  *pipelinetest.MemSource
	sink    *memorySink
	out     string
	workers int
	// prepared counts the samples of the stage "count" of a crash.
	prepared atomic.Int64
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, reg: pipeline.NewRegistries(), source: &pipelinetest.MemSource{N: 21, Classes: 3}, sink: &memorySink{}, out: t.TempDir(), workers: 2}
	registry.Register(b.reg.Sources, "mem", "images in memory", none{}, func(none) (pipeline.Source, error) { return b.source, nil })
	registry.Register(b.reg.Sinks, "keep", "keeps rows", none{}, func(none) (pipeline.Sink, error) { return b.sink, nil })
	b.stage("double", func(s pipeline.Sample) ([]pipeline.Sample, error) {
		return []pipeline.Sample{s, s.With(pipelinetest.Picture(8, 8, s.Rand("double").Uint64()), s.Variant.Then("noise", 2))}, nil
	})
	return b
}

func (b *bench) stage(name string, f stageFunc) {
	registry.Register(b.reg.Stages, name, "a stage", none{}, func(none) (pipeline.Stage, error) { return f, nil })
}

func (b *bench) model(name string, m *pipelinetest.FakeModel) *pipelinetest.FakeModel {
	registry.Register(b.reg.Models, name, "a model", none{}, func(none) (pipeline.Model, error) { return m, nil })
	return m
}

func (b *bench) compile(yaml string) (*pipeline.Plan, error) {
	c, err := config.Parse("test.yaml", b.t.TempDir(), []byte(yaml), config.Options{})
	if err != nil {
		return nil, err
	}
	c.Out, c.Workers = b.out, b.workers
	return pipeline.Compile(c, b.reg)
}

func (b *bench) run(ctx context.Context, yaml string, opt pipeline.RunOptions) (pipeline.Result, error) {
	b.t.Helper()
	plan, err := b.compile(yaml)
	if err != nil {
		b.t.Fatal(err)
	}
	return plan.Run(ctx, opt)
}

const twoModels = `
models: [{name: a, type: a}, {name: b, type: b}]
pipelines:
  - {name: clean, source: {type: mem}}
  - {name: noisy, source: {type: mem}, stages: [{type: double}], models: [b]}
sinks: [{type: keep}]
`

func TestRunGivesEveryRowOnceInOrder(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	var first []string
	for _, workers := range []int{1, 2, 7} {
		b := newBench(t)
		b.workers = workers
		ma := b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4, Mem: mem})
		mb := b.model("b", &pipelinetest.FakeModel{Classes: 5, Batch: 5, Mem: mem})
		res, err := b.run(t.Context(), twoModels, pipeline.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if res.Rows != 21+21+42 || len(b.sink.rows) != int(res.Rows) {
			t.Fatalf("%d rows, sink has %d, want 84", res.Rows, len(b.sink.rows))
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(b.sink.rows))); len(unique) != 84 {
			t.Errorf("%d distinct rows, want 84", len(unique))
		}
		if first == nil {
			first = b.sink.rows
		}
		if !slices.Equal(first, b.sink.rows) {
			t.Errorf("with %d workers the rows or their order differ", workers)
		}
		if got := ma.Batches(); len(got) != 6 || slices.Max(got) != 4 {
			t.Errorf("batches %v, want 6 of at most 4", got)
		}
		if ma.Closed() != 1 || mb.Closed() != 1 || b.sink.state != "closed" {
			t.Errorf("models closed %d and %d times, sink %s", ma.Closed(), mb.Closed(), b.sink.state)
		}
	}
}

// Pipelines on the same data set share one pass: each image is read once.
func TestRunReadsEachImageOnce(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	b.model("b", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	plan, err := b.compile(twoModels)
	if err != nil {
		t.Fatal(err)
	}
	o := plan.Describe(t.Context())
	if o.Decodes != 21 {
		t.Errorf("%d images decoded, want 21", o.Decodes)
	}
}

func TestBadImagesAreRecordedAndBounded(t *testing.T) {
	b := newBench(t)
	b.source.Bad = []int{3, 17}
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	b.model("b", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	res, err := b.run(t.Context(), twoModels, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows != 19*4 || res.Bad != 2 || res.FirstBad == nil || res.FirstBad.ID != "image0003" {
		t.Errorf("rows %d, bad %d, first %v", res.Rows, res.Bad, res.FirstBad)
	}
	if want := []string{"clean", "noisy"}; !slices.Equal(res.OverBudget, want) {
		t.Errorf("over budget %v, want %v", res.OverBudget, want)
	}
	text, err := os.ReadFile(filepath.Join(b.out, record.BadFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2 {
		t.Fatalf("%s has %d lines, want 2:\n%s", record.BadFile, len(lines), text)
	}
	var bad pipeline.BadSample
	if err := json.Unmarshal([]byte(lines[0]), &bad); err != nil {
		t.Fatal(err)
	}
	if want := (pipeline.BadSample{Pipelines: []string{"clean", "noisy"}, ID: "image0003", Path: "mem/image0003", Reason: "cannot be read"}); !reflect.DeepEqual(bad, want) {
		t.Errorf("got %+v, want %+v", bad, want)
	}
}

func TestUnusableSampleOfAStageIsLeftOut(t *testing.T) {
	b := newBench(t)
	b.stage("picky", func(s pipeline.Sample) ([]pipeline.Sample, error) {
		if s.Seq == 5 {
			return nil, pipeline.Unusable("too small")
		}
		return []pipeline.Sample{s}, nil
	})
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	res, err := b.run(t.Context(), strings.ReplaceAll(oneModel, "stages: []", "stages: [{type: picky}]"), pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows != 20 || res.Bad != 1 || !strings.Contains(res.FirstBad.Reason, "too small") {
		t.Errorf("rows %d, bad %d, %+v", res.Rows, res.Bad, res.FirstBad)
	}
}

// TestImageWithoutPredictionIsLeftOut of the model's results alone; a model that
// has no prediction for several images at once is given up.
func TestImageWithoutPredictionIsLeftOut(t *testing.T) {
	tests := map[string]struct {
		unusable []string
		images   int
		pipeline string
		rows     int64
		bad      []string
		failed   string
	}{
		"one":             {unusable: []string{"image0005"}, rows: 20, bad: []string{"image0005"}},
		"two of a batch":  {unusable: []string{"image0005", "image0006"}, rows: 19, bad: []string{"image0005", "image0006"}},
		"the last, alone": {unusable: []string{"image0020"}, rows: 20, bad: []string{"image0020"}},
		"a short batch":   {unusable: []string{"image0020", "image0021"}, images: 22, rows: 20, bad: []string{"image0020", "image0021"}},
		"a batch of one image": {
			unusable: []string{"image0005"}, pipeline: "stages: [{type: double}, {type: double}]", rows: 80,
			bad: []string{"image0005", "image0005", "image0005", "image0005"},
		},
		"a whole batch": {unusable: []string{"image0004", "image0005", "image0006", "image0007"}, failed: "image0004: output 0 is NaN"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.workers = 1
			b.source.N = cmp.Or(test.images, b.source.N)
			b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4, Unusable: test.unusable})
			res, err := b.run(t.Context(), strings.ReplaceAll(oneModel, "stages: []", cmp.Or(test.pipeline, "stages: []")), pipeline.RunOptions{})
			if test.failed != "" {
				if len(res.Failed) != 1 || res.Failed[0].Error != test.failed {
					t.Errorf("failed %v, want %q", res.Failed, test.failed)
				}
				return
			}
			if err != nil || res.Rows != test.rows || len(res.Failed) != 0 {
				t.Errorf("%d rows, failed %v, %v, want %d rows", res.Rows, res.Failed, err, test.rows)
			}
			if got := badIDs(t, b.out); !slices.Equal(got, test.bad) {
				t.Errorf("bad %q, want %q", got, test.bad)
			}
			if images := int64(len(slices.Compact(slices.Clone(test.bad)))); res.Bad != images {
				t.Errorf("%d bad images, want %d", res.Bad, images)
			}
		})
	}
}

// badIDs are those of the lines of a result's bad.jsonl.
func badIDs(t *testing.T, out string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, record.BadFile))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line := range strings.Lines(string(text)) {
		var bad pipeline.BadSample
		if err := json.Unmarshal([]byte(line), &bad); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, bad.ID)
	}
	return ids
}

const oneModel = `
models: [{name: a, type: a}]
pipelines: [{name: clean, source: {type: mem}, stages: []}]
sinks: [{type: keep}]
`

// One bad model is given up, its results are dropped, and the others go on.
func TestBadModelDoesNotStopTheOthers(t *testing.T) {
	tests := []struct {
		name string
		bad  *pipelinetest.FakeModel
		want string
	}{
		{"open", &pipelinetest.FakeModel{Classes: 3, Batch: 4, OpenErr: errors.New("no such file")}, "no such file"},
		{"infer", &pipelinetest.FakeModel{Classes: 3, Batch: 4, FailOn: "image0009"}, "fake failure"},
		{"panic", &pipelinetest.FakeModel{Classes: 3, Batch: 4, FailOn: "image0009", Panic: true}, "internal fault: fake fault"},
		{"batch size", &pipelinetest.FakeModel{Classes: 3}, "batch size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.model("a", tt.bad)
			b.model("b", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
			res, err := b.run(t.Context(), twoModels, pipeline.RunOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Failed) != 1 || res.Failed[0].Name != "a" || !strings.Contains(res.Failed[0].Error, tt.want) {
				t.Errorf("failed %+v, want a with %q", res.Failed, tt.want)
			}
			of := func(model string) (n int) {
				for _, row := range b.sink.rows {
					if strings.Contains(row, "/"+model+"/") {
						n++
					}
				}
				return n
			}
			if of("b") != 63 {
				t.Errorf("model b has %d rows, want 63", of("b"))
			}
			if of("a") > 0 && !slices.Equal(b.sink.dropped, []string{"a"}) {
				t.Errorf("sink has %d rows of a, dropped %v", of("a"), b.sink.dropped)
			}
		})
	}
}

func TestRunWithoutAnyModelIsAnError(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4, OpenErr: errors.New("no such file")})
	res, err := b.run(t.Context(), oneModel, pipeline.RunOptions{})
	var data *pipeline.DataError
	if !errors.Is(err, pipeline.ErrNoModel) || !errors.As(err, &data) || len(res.Failed) != 1 {
		t.Errorf("error %v, failed %v", err, res.Failed)
	}
}

func TestSourceErrorIsADataError(t *testing.T) {
	b := newBench(t)
	b.source.FailAt = 9
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	_, err := b.run(t.Context(), oneModel, pipeline.RunOptions{})
	var data *pipeline.DataError
	if !errors.As(err, &data) || !strings.Contains(err.Error(), "pipelines[0].source") || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("error %v", err)
	}
	if b.sink.state != "aborted" {
		t.Errorf("sink is %s, must be aborted", b.sink.state)
	}
	if _, err := os.Stat(filepath.Join(b.out, record.RunFile)); err == nil {
		t.Errorf("%s must not exist after an error", record.RunFile)
	}
}

func TestSinkErrorEndsTheRun(t *testing.T) {
	b := newBench(t)
	b.sink.failAt = 2
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	_, err := b.run(t.Context(), oneModel, pipeline.RunOptions{})
	if err == nil || !strings.Contains(err.Error(), "sinks[0] (keep): disk full") || b.sink.state != "aborted" {
		t.Errorf("error %v, sink %s", err, b.sink.state)
	}
}

func TestPanicOfAStageNamesTheStage(t *testing.T) {
	b := newBench(t)
	b.stage("mad", func(pipeline.Sample) ([]pipeline.Sample, error) { panic("boom") })
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	_, err := b.run(t.Context(), strings.ReplaceAll(oneModel, "stages: []", "stages: [{type: mad}]"), pipeline.RunOptions{})
	if err == nil || !strings.Contains(err.Error(), "pipelines[0].stages[0] (mad): image000") {
		t.Errorf("error %v", err)
	}
}

// An interrupted run closes its files and says so.
func TestInterruptFinishesWhatWasRead(t *testing.T) {
	b := newBench(t)
	b.source.N = 100_000
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.sink.onWrite = cancel
	res, err := b.run(ctx, oneModel, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Interrupted || res.Rows == 0 || res.Rows > 1000 || b.sink.state != "closed" {
		t.Errorf("interrupted %v, rows %d, sink %s", res.Interrupted, res.Rows, b.sink.state)
	}
	if res.Rows != res.Images {
		t.Errorf("%d rows of %d images read", res.Rows, res.Images)
	}
}

// What a run holds does not grow with the number of images.
func TestMemoryIsFlat(t *testing.T) {
	peak := func(n int) uint64 {
		b := newBench(t)
		b.source.N = n
		b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
		var highest uint64
		opt := pipeline.RunOptions{Progress: func(p pipeline.Progress) {
			if p.Rows%1000 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				highest = max(highest, m.HeapAlloc)
			}
			b.sink.rows = b.sink.rows[:0]
		}}
		if _, err := b.run(t.Context(), oneModel, opt); err != nil {
			t.Fatal(err)
		}
		return highest
	}
	small, large := peak(2_000), peak(40_000)
	if large > small+1<<20 {
		t.Errorf("heap of 40,000 images is %d bytes, of 2,000 images %d", large, small)
	}
}
