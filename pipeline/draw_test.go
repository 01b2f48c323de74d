package pipeline_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"quba/pipeline"
	"quba/pipeline/pipelinetest"
)

// drawnRows runs one model over a pipeline with the given keys, and returns the
// IDs of its rows in order.
func drawnRows(t *testing.T, images, workers int, keys string) []string {
	t.Helper()
	b := newBench(t)
	b.source.N, b.workers = images, workers
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	res, err := b.run(t.Context(), fmt.Sprintf(`
models: [{name: a, type: a}]
pipelines: [{name: some, source: {type: mem}%s}]
sinks: [{type: keep}]
`, keys), pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Images != int64(len(b.sink.rows)) {
		t.Errorf("%d images were read for %d rows", res.Images, len(b.sink.rows))
	}
	ids := make([]string, len(b.sink.rows))
	for i, row := range b.sink.rows {
		ids[i] = strings.Split(row, "/")[2]
	}
	return ids
}

func TestSampleDrawsFromTheWholeDataSet(t *testing.T) {
	const images = 300
	drawn := drawnRows(t, images, 2, ", sample: 60")
	if len(drawn) != 60 || !slices.IsSorted(drawn) {
		t.Fatalf("%d images, in the order %v", len(drawn), drawn)
	}
	// A fair draw of 60 leaves 30 +- 3.5 in either half.
	second := 0
	for _, id := range drawn {
		if id >= "image0150" {
			second++
		}
	}
	if second < 15 || second > 45 {
		t.Errorf("%d of 60 are in the second half", second)
	}
	if other := drawnRows(t, images, 5, ", sample: 60"); !slices.Equal(other, drawn) {
		t.Error("the number of workers changes what is drawn")
	}
	for _, id := range drawnRows(t, images, 2, ", sample: 20") {
		if !slices.Contains(drawn, id) {
			t.Errorf("%s is in the smaller sample and not in the larger one", id)
		}
	}
	if first := drawnRows(t, images, 2, ", sample: 60, limit: 7"); !slices.Equal(first, drawn[:7]) {
		t.Errorf("limit takes %v of the sample", first)
	}
}

func TestSampleOfMoreThanThereIs(t *testing.T) {
	for _, sample := range []int{21, 22, math.MaxInt} {
		if drawn := drawnRows(t, 21, 2, fmt.Sprintf(", sample: %d", sample)); len(drawn) != 21 {
			t.Errorf("sample: %d gives %d of 21 images", sample, len(drawn))
		}
	}
}

// Every image is drawn as often as any other, over the seeds.
func TestSampleIsFair(t *testing.T) {
	const seeds, images, sample = 400, 21, 7
	times := map[string]int{}
	for seed := range seeds {
		b := newBench(t)
		plan := b.part(fmt.Sprintf("seed: %d\npipelines: [{name: p, source: {type: mem}, sample: %d}]", seed, sample))
		_, err := plan.EachImage(t.Context(), "p", quiet(), func(clean pipeline.Sample, _ []pipeline.Sample) error {
			times[clean.ID]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// The chi-squared of 20 degrees of freedom is below 45.3 in 999 of 1000 cases;
	// drawing without replacement makes it smaller still.
	const expected = float64(seeds*sample) / images
	chi := 0.0
	for _, n := range times {
		chi += (float64(n) - expected) * (float64(n) - expected) / expected
	}
	if len(times) != images || chi > 45.3 {
		t.Errorf("%d images were drawn, chi-squared %.1f: %v", len(times), chi, times)
	}
}

func TestPipelinesOfOneSampleShareItsImages(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	plan, err := b.compile(`
models: [{name: a, type: a}]
pipelines:
  - {name: all, source: {type: mem}}
  - {name: some, source: {type: mem}, sample: 9}
  - {name: again, source: {type: mem}, sample: 9}
sinks: [{type: keep}]
`)
	if err != nil {
		t.Fatal(err)
	}
	if o := plan.Describe(t.Context()); o.Decodes != 21+9 || o.Pipelines[2].Images != 9 {
		t.Errorf("%d images are decoded, %d of them for the last pipeline", o.Decodes, o.Pipelines[2].Images)
	}
}

func TestSampleOfASourceThatFails(t *testing.T) {
	b := newBench(t)
	b.source.FailAt = 9
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	_, err := b.run(t.Context(), `
models: [{name: a, type: a}]
pipelines: [{name: some, source: {type: mem}, sample: 3}]
sinks: [{type: keep}]
`, pipeline.RunOptions{})
	if err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("got %v", err)
	}
}
