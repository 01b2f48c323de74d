package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/registry"
)

// part compiles a piece of a config, with what is missing left out.
func (b *bench) part(yaml string) *pipeline.Plan {
	b.t.Helper()
	c, err := config.Parse("test.yaml", b.t.TempDir(), []byte(yaml), config.Options{})
	if err == nil {
		b.t.Fatal("a piece of a config must lack something")
	}
	c.Workers = b.workers
	plan, err := pipeline.Compile(c, b.reg)
	if err != nil {
		b.t.Fatal(err)
	}
	return plan
}

const noisyPart = "seed: 9\npipelines: [{name: clean, source: {type: mem}}, {name: noisy, source: {type: mem}, stages: [{type: double}, {type: double}], limit: 5}]"

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestEachImageGivesImagesInOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	var first []string
	for _, workers := range []int{1, 4} {
		b := newBench(t)
		b.workers = workers
		var seen []string
		count, err := b.part(noisyPart).EachImage(t.Context(), "noisy", quiet(), func(clean pipeline.Sample, made []pipeline.Sample) error {
			if clean.Variant != (pipeline.Variant{}) || clean.Seed != 9 || clean.Pipeline != "noisy" {
				t.Errorf("%+v", clean)
			}
			for _, s := range made {
				seen = append(seen, fmt.Sprint(s.ID, s.Variant, s.Image.Pix[:4]))
			}
			return nil
		})
		if err != nil || count != (pipeline.ImageCount{Images: 5}) || len(seen) != 5*4 {
			t.Fatalf("%+v, %v, %d samples", count, err, len(seen))
		}
		if first == nil {
			first = seen
		}
		if !slices.Equal(first, seen) {
			t.Errorf("%d workers give %v, one gives %v", workers, seen, first)
		}
	}
}

func TestEachImageCountsBadImages(t *testing.T) {
	b := newBench(t)
	b.source.Bad = []int{2}
	b.stage("picky", func(s pipeline.Sample) ([]pipeline.Sample, error) {
		if s.Seq == 7 {
			return nil, pipeline.Unusable("too small")
		}
		return nil, nil
	})
	taken := 0
	count, err := b.part("pipelines: [{name: p, source: {type: mem}, stages: [{type: picky}]}]").EachImage(t.Context(), "p", quiet(),
		func(pipeline.Sample, []pipeline.Sample) error { taken++; return nil })
	if err != nil || count.Images != 21 || count.Bad != 2 || taken != 19 || count.FirstBad.ID != "image0002" {
		t.Errorf("%+v, %v, %d taken", count, err, taken)
	}
}

func TestEachImageEndsAtAnError(t *testing.T) {
	defer goleak.VerifyNone(t)
	enough := errors.New("enough")
	b := newBench(t)
	_, err := b.part(noisyPart).EachImage(t.Context(), "clean", quiet(), func(s pipeline.Sample, _ []pipeline.Sample) error {
		if s.Seq == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}

	b = newBench(t)
	b.source.FailAt = 4
	_, err = b.part(noisyPart).EachImage(t.Context(), "clean", quiet(), func(pipeline.Sample, []pipeline.Sample) error { return nil })
	var data *pipeline.DataError
	if !errors.As(err, &data) || !strings.Contains(err.Error(), "the disk is gone") {
		t.Error(err)
	}

	b = newBench(t)
	b.stage("faulty", func(pipeline.Sample) ([]pipeline.Sample, error) { panic("oh") })
	_, err = b.part("pipelines: [{name: p, source: {type: mem}, stages: [{type: faulty}]}]").EachImage(t.Context(), "p", quiet(), nil)
	var fault *pipeline.PanicError
	if !errors.As(err, &fault) {
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	_, err = newBench(t).part(noisyPart).EachImage(ctx, "clean", quiet(), func(pipeline.Sample, []pipeline.Sample) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}

	if _, err := newBench(t).part(noisyPart).EachImage(t.Context(), "x", quiet(), nil); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Error(err)
	}
}

type openStage struct {
	stageFunc
	log *[]string
	err error
}

func (s openStage) Open(_ context.Context, run *pipeline.Run) error {
	*s.log = append(*s.log, fmt.Sprint("open ", run.Seed, run.Pipelines[0].Name))
	return s.err
}

func (s openStage) Close() error { *s.log = append(*s.log, "close"); return nil }

func TestEachImageOpensAndClosesStages(t *testing.T) {
	for _, fault := range []error{nil, errors.New("no such folder")} {
		b := newBench(t)
		var log []string
		registry.Register(b.reg.Stages, "open", "opens", none{}, func(none) (pipeline.Stage, error) {
			return openStage{func(s pipeline.Sample) ([]pipeline.Sample, error) { return []pipeline.Sample{s}, nil }, &log, fault}, nil
		})
		_, err := b.part("seed: 4\npipelines: [{name: p, source: {type: mem}, stages: [{type: open}]}]").EachImage(t.Context(), "p", quiet(),
			func(pipeline.Sample, []pipeline.Sample) error { log = append(log, "take"); return nil })
		if !errors.Is(err, fault) {
			t.Error(err)
		}
		want := "open 4p" + strings.Repeat(" take", 21) + " close"
		if fault != nil {
			want = "open 4p"
		}
		if got := strings.Join(log, " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCollectFeedsTheSinks(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	sample := pipelinetest.MemSource{N: 1, Classes: 2}
	var records []arrow.Record
	model := &pipelinetest.FakeModel{Classes: 2, Batch: 1, Mem: mem}
	for s := range sample.Samples(t.Context()) {
		s.Model, s.Pipeline = "a", "p"
		rec, err := model.Infer(t.Context(), []pipeline.Sample{s}, false)
		if err != nil {
			t.Fatal(err)
		}
		defer rec.Release()
		records = append(records, rec)
	}
	feed := func(last error) iter.Seq2[arrow.Record, error] {
		return func(yield func(arrow.Record, error) bool) {
			for _, rec := range records {
				if !yield(rec, nil) {
					return
				}
			}
			if last != nil {
				yield(nil, last)
			}
		}
	}
	run := pipeline.Run{Models: []pipeline.RunModel{{Name: "a"}}}
	b := newBench(t)
	if _, _, err := b.part("sinks: [{type: keep}]").Collect(t.Context(), run, feed(nil)); err != nil {
		t.Fatal(err)
	}
	if b.sink.state != "closed" || len(b.sink.rows) != 1 || !slices.Equal(b.sink.models, []string{"a"}) {
		t.Errorf("%+v", b.sink)
	}
	cut := errors.New("cut")
	b = newBench(t)
	if _, _, err := b.part("sinks: [{type: keep}]").Collect(t.Context(), run, feed(cut)); !errors.Is(err, cut) || b.sink.state != "aborted" {
		t.Errorf("%v, %s", err, b.sink.state)
	}
	b = newBench(t)
	b.sink.failAt = 1
	_, _, err := b.part("sinks: [{type: keep}]").Collect(t.Context(), run, feed(nil))
	if err == nil || err.Error() != "sinks[0] (keep): disk full" || b.sink.state != "aborted" {
		t.Errorf("%v, %s", err, b.sink.state)
	}
}
