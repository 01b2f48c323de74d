package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// crash describes a run that is to be stopped and to go on.
type crash struct {
	images, workers int
	bad             []int
	batches         [2]int // of the models a and b
	failOn          string // ID at which model b fails
	config          string
}

// manyKinds has a pass of several pipelines, one of which leaves out most images,
// one that makes more of them, and one that ends in an attack; and a pass of its
// own.
const manyKinds = `
max_bad_fraction: 1
models: [{name: a, type: a}, {name: b, type: b}]
pipelines:
  - {name: clean, source: {type: mem}}
  - {name: rare, source: {type: mem}, stages: [{type: rare}, {type: double}]}
  - {name: noisy, source: {type: mem}, stages: [{type: picky}, {type: double}, {type: double}], models: [b]}
  - {name: few, source: {type: mem}, limit: 7, stages: [{type: double}]}
  - {name: hard, source: {type: mem}, stages: [{type: double}, {type: fgsm}], models: [a]}
sinks: [{type: keep}]
`

// bench is a new program for the crash, which writes into out.
func (c crash) bench(t *testing.T, out string) *bench {
	b := newBench(t)
	b.out, b.workers = out, c.workers
	b.source.N, b.source.Bad = c.images, c.bad
	b.stage("rare", func(s pipeline.Sample) ([]pipeline.Sample, error) {
		if s.Seq%9 != 4 {
			return nil, nil
		}
		return []pipeline.Sample{s}, nil
	})
	b.stage("picky", func(s pipeline.Sample) ([]pipeline.Sample, error) {
		if s.Seq%7 == 5 {
			return nil, pipeline.Unusable("too small \xff")
		}
		return []pipeline.Sample{s}, nil
	})
	b.stage("count", func(s pipeline.Sample) ([]pipeline.Sample, error) {
		b.prepared.Add(1)
		return []pipeline.Sample{s}, nil
	})
	registry.Register(b.reg.Stages, "fgsm", "an attack", none{}, func(none) (pipeline.Stage, error) { return fakeAttack{}, nil })
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: c.batches[0], Unusable: []string{"image0006"}})
	b.model("b", &pipelinetest.FakeModel{Classes: 4, Batch: c.batches[1], FailOn: c.failOn})
	return b
}

// outcome is all that a run leaves, but for times.
type outcome struct {
	rows, models, dropped []string
	bad                   string
	images, unusable      int64
	overBudget            []string
	failed                []pipeline.FailedModel
}

func outcomeOf(t *testing.T, b *bench, res pipeline.Result) outcome {
	t.Helper()
	o := outcome{
		rows: b.sink.rows, models: b.sink.models, dropped: b.sink.dropped, bad: readFile(t, filepath.Join(b.out, record.BadFile)),
		images: res.Images, unusable: res.Bad, overBudget: res.OverBudget, failed: res.Failed,
	}
	if len(res.Failed) > 0 {
		// How many rows there are of a model before it is given up depends on
		// the workers; they are dropped.
		o.rows = slices.DeleteFunc(slices.Clone(o.rows), func(row string) bool { return strings.Contains(row, "/"+res.Failed[0].Name+"/") })
	}
	return o
}

func journalOf(out string) string { return filepath.Join(out, ".partial", "journal") }

// wholeRun is the outcome of a run that is not stopped, and the journal that it
// had at its end.
func (c crash) wholeRun(t *testing.T) (o outcome, journal []byte) {
	t.Helper()
	b := c.bench(t, t.TempDir())
	b.sink.onClose = func() (err error) {
		journal, err = os.ReadFile(journalOf(b.out))
		return err
	}
	res, err := b.run(t.Context(), c.config, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Resumed != (pipeline.Resumed{}) {
		t.Errorf("resumed %+v without an unfinished run", res.Resumed)
	}
	return outcomeOf(t, b, res), journal
}

// unfinished is a result folder in which a run has left a journal.
func unfinished(t *testing.T, journal []byte) (out string) {
	t.Helper()
	out = t.TempDir()
	if err := os.MkdirAll(filepath.Dir(journalOf(out)), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journalOf(out), journal, 0o666); err != nil {
		t.Fatal(err)
	}
	return out
}

// goOn runs in a folder that holds a journal, and compares the outcome.
func (c crash) goOn(t *testing.T, journal []byte, want outcome) pipeline.Result {
	t.Helper()
	out := unfinished(t, journal)
	b := c.bench(t, out)
	res, err := b.run(t.Context(), c.config, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomeOf(t, b, res); !reflect.DeepEqual(got, want) {
		t.Fatalf("after %d bytes of journal got\n%+v\nwant\n%+v", len(journal), got, want)
	}
	if _, err := os.Stat(filepath.Join(out, ".partial")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the staging folder is left: %v", err)
	}
	return res
}

// Wherever a run is stopped and whatever becomes of the end of its journal, the
// same run again comes to the same result as one that was never stopped.
func TestStoppedRunGoesOn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := crash{
			images: rapid.IntRange(0, 40).Draw(rt, "images"), workers: rapid.IntRange(1, 3).Draw(rt, "workers"),
			batches: [2]int{rapid.IntRange(1, 7).Draw(rt, "batch of a"), rapid.IntRange(1, 7).Draw(rt, "batch of b")},
			bad:     rapid.SliceOfN(rapid.IntRange(0, 40), 0, 3).Draw(rt, "bad"),
			failOn:  rapid.SampledFrom([]string{"", "", "image0003", "image0020"}).Draw(rt, "fails on"),
			config:  manyKinds,
		}
		want, journal := c.wholeRun(t)
		cut := journal[:rapid.IntRange(0, len(journal)).Draw(rt, "cut")]
		damaged := bytes.Clone(cut)
		if len(cut) > 0 && rapid.Bool().Draw(rt, "flip") {
			damaged[rapid.IntRange(0, len(cut)-1).Draw(rt, "at")] ^= rapid.ByteRange(1, 255).Draw(rt, "by")
		}
		damaged = append(damaged, make([]byte, rapid.IntRange(0, 20).Draw(rt, "zeros"))...)
		c.workers = rapid.IntRange(1, 3).Draw(rt, "workers later")
		c.goOn(t, damaged, want)
	})
}

// A run may be stopped again and again.
func TestRunIsStoppedAtEveryBatch(t *testing.T) {
	c := crash{images: 12, workers: 2, batches: [2]int{4, 3}, bad: []int{2}, config: manyKinds}
	want, _ := c.wholeRun(t)
	out := t.TempDir()
	for stops := 0; ; stops++ {
		if stops > 200 {
			t.Fatal("the run does not come to its end")
		}
		b := c.bench(t, out)
		stop := errors.New("stop")
		b.sink.onClose = func() error { return stop }
		steps := 0
		_, err := b.run(t.Context(), c.config, pipeline.RunOptions{Progress: func(pipeline.Progress) {
			if steps++; steps == 2 {
				b.sink.failAt = b.sink.writes + 1
			}
		}})
		if errors.Is(err, stop) {
			break
		}
		if err == nil {
			t.Fatal("the sink did not fail")
		}
	}
	b := c.bench(t, out)
	res, err := b.run(t.Context(), c.config, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomeOf(t, b, res); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if res.Resumed.Rows != res.Rows || res.Resumed.Images != res.Images || res.Resumed.Times < 10 {
		t.Errorf("resumed %+v of %d images and %d rows", res.Resumed, res.Images, res.Rows)
	}
	if text := readFile(t, filepath.Join(out, record.RunFile)); !strings.Contains(text, fmt.Sprintf(`"times": %d`, res.Resumed.Times)) {
		t.Errorf("run.json does not say that it was resumed:\n%s", text)
	}
}

// What is done is neither read, prepared nor inferred again.
func TestWhatIsDoneIsNotDoneAgain(t *testing.T) {
	c := crash{images: 40, workers: 2, batches: [2]int{4, 5}, config: strings.Replace(twoModels, "stages: [", "stages: [{type: count}, ", 1)}
	want, journal := c.wholeRun(t)
	out := unfinished(t, journal[:len(journal)*4/5])
	b := c.bench(t, out)
	var inferred atomic.Int64
	for _, name := range []string{"a", "b"} {
		entry, err := b.reg.Models.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		model, err := entry.New(func(any) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		model.(*pipelinetest.FakeModel).OnInfer = func(pipeline.Sample) { inferred.Add(1) }
	}
	res, err := b.run(t.Context(), c.config, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomeOf(t, b, res); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if res.Resumed.Rows < res.Rows/3 || inferred.Load() != res.Rows-res.Resumed.Rows {
		t.Errorf("of %d rows %d are taken over, and %d inferred", res.Rows, res.Resumed.Rows, inferred.Load())
	}
	// Images whose batch was not full are prepared once more.
	if most := res.Images - res.Resumed.Images + 5; b.prepared.Load() > most {
		t.Errorf("%d images are prepared, want at most %d", b.prepared.Load(), most)
	}
}

// A run goes on only where everything is the same.
func TestOtherRunBeginsAnew(t *testing.T) {
	c := crash{images: 30, workers: 2, batches: [2]int{4, 3}, config: twoModels}
	_, journal := c.wholeRun(t)
	same := func(*crash) {}
	for name, tt := range map[string]struct {
		journal []byte
		change  func(*crash)
		opt     pipeline.RunOptions
		want    string // of the narration
	}{
		"seed":       {journal, func(c *crash) { c.config += "seed: 3\n" }, pipeline.RunOptions{}, "not the same: config, seed"},
		"images":     {journal, func(c *crash) { c.images = 29 }, pipeline.RunOptions{}, "not the same: data set of clean, data set of noisy"},
		"batch":      {journal, func(c *crash) { c.batches[1] = 5 }, pipeline.RunOptions{}, "not the same: model b"},
		"overwrite":  {journal, same, pipeline.RunOptions{Overwrite: true}, ""},
		"no journal": {[]byte("hello"), same, pipeline.RunOptions{}, "its journal is damaged"},
	} {
		changed := c
		tt.change(&changed)
		out := unfinished(t, tt.journal)
		b := changed.bench(t, out)
		var log bytes.Buffer
		tt.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
		res, err := b.run(t.Context(), changed.config, tt.opt)
		if err != nil {
			t.Fatal(err)
		}
		if res.Resumed != (pipeline.Resumed{}) || len(b.sink.rows) != int(res.Rows) {
			t.Errorf("%s: resumed %+v, %d rows of %d", name, res.Resumed, len(b.sink.rows), res.Rows)
		}
		if !strings.Contains(log.String(), tt.want) {
			t.Errorf("%s: narration lacks %q:\n%s", name, tt.want, log.String())
		}
	}
}

// An interrupted run leaves its result and goes on when it is run again.
func TestInterruptedRunGoesOn(t *testing.T) {
	c := crash{images: 3000, workers: 2, batches: [2]int{4, 3}, bad: []int{5, 900}, config: "max_bad_fraction: 1\n" + twoModels}
	want, _ := c.wholeRun(t)
	out := t.TempDir()
	b := c.bench(t, out)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.sink.onWrite = cancel
	first, err := b.run(ctx, c.config, pipeline.RunOptions{})
	if err != nil || !first.Interrupted || first.Images == 3000 {
		t.Fatalf("interrupted %v after %d images, error %v", first.Interrupted, first.Images, err)
	}
	b = c.bench(t, out)
	res, err := b.run(t.Context(), c.config, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomeOf(t, b, res); !reflect.DeepEqual(got, want) {
		t.Error("the result differs from that of a run that was not interrupted")
	}
	if r := res.Resumed; r.Times != 1 || r.Rows == 0 || r.Rows > first.Rows {
		t.Errorf("resumed %+v, first run had %d rows", r, first.Rows)
	}
}

// A full disk under the journal is a fault of the machine.
func TestFullDiskEndsTheRun(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("there is no " + full)
	}
	c := crash{images: 30, workers: 2, batches: [2]int{4, 3}, config: twoModels}
	out := unfinished(t, nil)
	if err := errors.Join(os.Remove(journalOf(out)), os.Symlink(full, journalOf(out))); err != nil {
		t.Fatal(err)
	}
	b := c.bench(t, out)
	if _, err := b.run(t.Context(), c.config, pipeline.RunOptions{}); !pipeline.MachineFault(err) || b.sink.state != "aborted" {
		t.Errorf("error %v, sink %s", err, b.sink.state)
	}
}

// What no worker has begun when a run is interrupted is dropped, also where all
// images were read by then; what is at work is finished.
func TestInterruptDropsWhatHasNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, batch = 2, 4
		b := newBench(t)
		b.workers, b.source.N = workers, 4*batch
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var begun atomic.Int64
		registry.Register(b.reg.Stages, "slow", "an attack", none{}, func(none) (pipeline.Stage, error) {
			return fakeAttack{begin: func() {
				begun.Add(1)
				time.Sleep(time.Minute) // until all that can be read ahead is
				cancel()
				time.Sleep(time.Minute) // until that is known everywhere
			}}, nil
		})
		b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: batch})
		res, err := b.run(ctx, `
models: [{name: a, type: a}]
pipelines: [{name: hard, source: {type: mem}, stages: [{type: slow}]}]
sinks: [{type: keep}]
`, pipeline.RunOptions{})
		if err != nil || !res.Interrupted {
			t.Fatalf("error %v, interrupted %v", err, res.Interrupted)
		}
		if begun.Load() != workers || res.Images != workers*batch || res.Rows != 2*workers*batch {
			t.Errorf("%d batches were attacked; %d images, %d rows", begun.Load(), res.Images, res.Rows)
		}
	})
}

// However often a run is interrupted, it comes to the result of one that was not,
// and each goes on with exactly what the one before has told of.
func TestInterruptedAgainAndAgain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := crash{
			images: rapid.IntRange(1, 25).Draw(rt, "images"), workers: rapid.IntRange(1, 3).Draw(rt, "workers"),
			batches: [2]int{rapid.IntRange(1, 7).Draw(rt, "batch of a"), rapid.IntRange(1, 7).Draw(rt, "batch of b")},
			bad:     rapid.SliceOfN(rapid.IntRange(0, 40), 0, 3).Draw(rt, "bad"),
			config:  manyKinds,
		}
		want, _ := c.wholeRun(t)
		every := rapid.IntRange(3, 30).Draw(rt, "every")
		out := t.TempDir()
		var got outcome
		for interrupted := true; interrupted; {
			b := c.bench(t, out)
			res, err := interruptAfter(t, b, c.config, every)
			if errors.Is(err, pipeline.ErrInterrupted) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			before := got
			got, interrupted = outcomeOf(t, b, res), res.Interrupted
			if before.rows != nil && (before.images != res.Resumed.Images || !slices.Equal(before.rows, got.rows[:res.Resumed.Rows]) || !strings.HasPrefix(got.bad, before.bad)) {
				t.Fatalf("took over %+v for\n%+v\nbefore there was\n%+v", res.Resumed, got, before)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got\n%+v\nwant\n%+v", got, want)
		}
	})
}

// interruptAfter interrupts a run after so many steps.
func interruptAfter(t *testing.T, b *bench, yaml string, steps int) (pipeline.Result, error) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	return b.run(ctx, yaml, pipeline.RunOptions{Progress: func(pipeline.Progress) {
		if steps--; steps == 0 {
			cancel()
		}
	}})
}
