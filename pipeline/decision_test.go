package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// decide is a stage that puts two of three classes together.
type decide struct{ d *record.Decision }

func (s decide) Apply(_ context.Context, in pipeline.Sample) ([]pipeline.Sample, error) {
	if in.Label = s.d.Label(in.Label); in.Label == record.NoClass {
		return nil, nil
	}
	in.Decision = s.d
	return []pipeline.Sample{in}, nil
}

func (s decide) Decision() *record.Decision { return s.d }

func twoOfThree() *record.Decision {
	return &record.Decision{Name: "pair", Classes: []string{"low", "high"}, Of: []int32{0, record.NoClass, 1}, Rule: record.Mean}
}

const decided = `
models: [{name: a, type: a}, {name: b, type: b}]
pipelines: [{name: pairs, source: {type: mem}, stages: [{type: decide}]}]
sinks: [{type: keep}]
`

// TestDecisionReachesTheRecords: labels and predictions are of the decision's
// classes, samples of other classes are gone, and a model with other outputs is
// given up before any inference.
func TestDecisionReachesTheRecords(t *testing.T) {
	b := newBench(t)
	registry.Register(b.reg.Stages, "decide", "decides", none{}, func(none) (pipeline.Stage, error) { return decide{twoOfThree()}, nil })
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	b.model("b", &pipelinetest.FakeModel{Classes: 5, Batch: 4, OnInfer: func(pipeline.Sample) {
		t.Error("a model of 5 classes was asked for a decision about 3")
	}})
	res, err := b.run(t.Context(), decided, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Failed) != 1 || !strings.Contains(res.Failed[0].Error, "has 5 classes; the decision pair of pipeline pairs is for classifiers of 3") {
		t.Errorf("failed: %+v", res.Failed)
	}
	if res.Rows != 14 { // two thirds of 21
		t.Errorf("%d rows, want 14", res.Rows)
	}
	for _, row := range b.sink.rows {
		if !strings.HasSuffix(row, "=0") && !strings.HasSuffix(row, "=1") {
			t.Errorf("%s: top-1 is none of the two classes", row)
		}
	}
}

// picky is a sink that wants records of the decision pair.
type picky struct{ memorySink }

func (*picky) CheckPipelines(pipelines []record.PipelineRecord) error {
	if pipelines[0].Decision == "pair" {
		return nil
	}
	return registry.Fieldf("wants", "must be a pipeline of pairs, got %s", pipelines[0].Name)
}

// TestPipelinesAreCheckedBeforeModelsAreLoaded: the mistake has its place in
// the config, and a plan shows it.
func TestPipelinesAreCheckedBeforeModelsAreLoaded(t *testing.T) {
	b := newBench(t)
	registry.Register(b.reg.Stages, "decide", "decides", none{}, func(none) (pipeline.Stage, error) { return decide{twoOfThree()}, nil })
	registry.Register(b.reg.Sinks, "picky", "wants pairs", none{}, func(none) (pipeline.Sink, error) { return &picky{}, nil })
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4, OpenErr: errors.New("the model was loaded")})
	const config = `
models: [{name: a, type: a}]
pipelines: [{name: plain, source: {type: mem}}]
sinks: [{type: keep}, {type: picky}]
`
	const want = "test.yaml:4:23: sinks[1].wants: must be a pipeline of pairs, got plain"
	if _, err := b.run(t.Context(), config, pipeline.RunOptions{}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	plan, err := b.compile(config)
	if err != nil {
		t.Fatal(err)
	}
	if o := plan.Describe(t.Context()); o.Issues.Error() != want {
		t.Errorf("planned: %v", o.Issues)
	}
	plan, err = b.compile(strings.Replace(config, "{type: mem}", "{type: mem}, stages: [{type: decide}]", 1))
	if err != nil {
		t.Fatal(err)
	}
	if o := plan.Describe(t.Context()); len(o.Issues) > 0 {
		t.Errorf("planned: %v", o.Issues)
	}
}

func TestDecisionIsPlanned(t *testing.T) {
	b := newBench(t)
	registry.Register(b.reg.Stages, "decide", "decides", none{}, func(none) (pipeline.Stage, error) { return decide{twoOfThree()}, nil })
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	b.model("b", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	plan, err := b.compile(decided)
	if err != nil {
		t.Fatal(err)
	}
	if o := plan.Describe(t.Context()).Pipelines[0]; o.Decision != "pair" || o.Classes != 2 || !o.AtMost {
		t.Errorf("got %+v", o)
	}
}
