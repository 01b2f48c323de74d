package pipeline_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/registry"
)

// rooted is the config of a source in a folder.
type rooted struct {
	Root string `koanf:"root" jsonschema:"required" path:"dir" env:"true"`
	N    int    `koanf:"n" jsonschema:"minimum=0"`
}

// needing is a sink that is of no use without one pipeline.
type needing struct {
	memorySink
	pipeline string
}

func (s *needing) Claim() string                  { return "focus" }
func (s *needing) NeedsPipeline(name string) bool { return name == s.pipeline }

func optionalBench(t *testing.T) *bench {
	b := newBench(t)
	registry.Register(b.reg.Sources, "folder", "a folder", rooted{}, func(rooted) (pipeline.Source, error) { return b.source, nil })
	registry.Register(b.reg.Sinks, "need", "needs the pipeline rare", none{}, func(none) (pipeline.Sink, error) { return &needing{pipeline: "rare"}, nil })
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	return b
}

const optionalPipelines = `
models: [{name: a, type: a}]
pipelines:
  - {name: clean, source: {type: mem}}
  - {name: rare, source: {type: folder, root: "${env:QUBA_TEST_ABSENT}"}, optional: true}
  - {name: gone, source: {type: folder, root: nowhere}, optional: true}
sinks: [{type: keep}, {type: need}]
`

// TestOptionalPipelinesAreLeftOut: those whose data set is not there, and what
// cannot be made without them; each is said, none is a failure.
func TestOptionalPipelinesAreLeftOut(t *testing.T) {
	b := optionalBench(t)
	var narration strings.Builder
	res, err := b.run(context.Background(), optionalPipelines, pipeline.RunOptions{Log: slog.New(slog.NewTextHandler(&narration, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows != 21 || len(res.Problems) != 0 || b.sink.state != "closed" {
		t.Errorf("%d rows, problems %v, sink %s", res.Rows, res.Problems, b.sink.state)
	}
	for _, want := range []string{"pipeline=rare", "QUBA_TEST_ABSENT is not set", "pipeline=gone", "no such folder", "score=focus"} {
		if !strings.Contains(narration.String(), want) {
			t.Errorf("the narration lacks %q:\n%s", want, &narration)
		}
	}
	text, err := os.ReadFile(filepath.Join(b.out, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Status  string             `json:"status"`
		LeftOut []pipeline.LeftOut `json:"left_out"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	if said.Status != "complete" || len(said.LeftOut) != 3 || said.LeftOut[2].Score != "focus" {
		t.Errorf("run.json says %+v", said)
	}
}

func TestOptionalForgivesNothingElse(t *testing.T) {
	tests := map[string]struct{ yaml, want string }{
		"a mistake":      {strings.Replace(optionalPipelines, "root: nowhere", "root: nowhere, n: -1", 1), "n: must be at least 0, got -1"},
		"not optional":   {strings.Replace(optionalPipelines, "root: nowhere}, optional: true", "root: nowhere}", 1), "no such folder"},
		"no data at all": {strings.Replace(optionalPipelines, "  - {name: clean, source: {type: mem}}\n", "", 1), "no data set is there: rare: the environment variable QUBA_TEST_ABSENT is not set"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := optionalBench(t).compile(test.yaml); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
