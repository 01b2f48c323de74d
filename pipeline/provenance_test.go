package pipeline_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"quba/internal/parquetio"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// factualStage knows its facts once it is open.
type factualStage struct {
	stageFunc
	opened bool
}

func (s *factualStage) Open(context.Context, *pipeline.Run) error { s.opened = true; return nil }

func (s *factualStage) Facts() []pipeline.Fact {
	if !s.opened {
		return nil
	}
	return []pipeline.Fact{{Name: "styles", Value: "ab12", Origin: "sha256"}}
}

// The facts of stages stand in run.json and in the metadata of Parquet files,
// by pipeline; stages without facts do not.
func TestFactsOfStagesAreRecorded(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	same := stageFunc(func(s pipeline.Sample) ([]pipeline.Sample, error) { return []pipeline.Sample{s}, nil })
	b.stage("plain", same)
	registry.Register(b.reg.Stages, "factual", "a stage with files", none{}, func(none) (pipeline.Stage, error) {
		return &factualStage{stageFunc: same}, nil
	})
	_, err := b.run(t.Context(), `
models: [{name: a, type: a}]
pipelines:
  - {name: short, source: {type: mem}, limit: 3, stages: [{type: factual}]}
  - {name: clean, source: {type: mem}}
  - {name: long, source: {type: mem}, stages: [{type: plain}, {type: factual}]}
sinks: [{type: keep}]
`, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var run struct {
		Stages     json.RawMessage   `json:"stages"`
		Provenance map[string]string `json:"provenance"`
	}
	if err := json.Unmarshal([]byte(readFile(t, filepath.Join(b.out, record.RunFile))), &run); err != nil {
		t.Fatal(err)
	}
	meta, err := parquetio.Metadata(filepath.Join(b.out, record.ScoresFile))
	if err != nil {
		t.Fatal(err)
	}
	want := stagesOf(t, `[
		{"pipeline": "short", "stage": "factual", "facts": [{"name": "styles", "value": "ab12", "origin": "sha256"}]},
		{"pipeline": "long", "stage": "factual", "facts": [{"name": "styles", "value": "ab12", "origin": "sha256"}]}]`)
	for place, got := range map[string]string{"run.json": string(run.Stages), "provenance": run.Provenance[record.MetaStages], "scores": meta[record.MetaStages]} {
		if got := stagesOf(t, got); got != want {
			t.Errorf("%s has %s, want %s", place, got, want)
		}
	}
}

// stagesOf is the list in one way of writing.
func stagesOf(t *testing.T, text string) string {
	t.Helper()
	var stages []struct {
		Pipeline, Stage string
		Facts           []pipeline.Fact
	}
	if err := json.Unmarshal([]byte(text), &stages); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	compact, err := json.Marshal(stages)
	if err != nil {
		t.Fatal(err)
	}
	return string(compact)
}

func TestWithoutFactsTheListIsEmpty(t *testing.T) {
	b := newBench(t)
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	if _, err := b.run(t.Context(), oneModel, pipeline.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	meta, err := parquetio.Metadata(filepath.Join(b.out, record.ScoresFile))
	if err != nil || meta[record.MetaStages] != "[]" {
		t.Errorf("the metadata has %q, %v; want []", meta[record.MetaStages], err)
	}
}
