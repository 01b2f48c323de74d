package pipeline_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// fakeAttack makes two adversarial versions of each sample that it is given in
// a batch, and one that fails for some model.
type fakeAttack struct {
	fail    string // name of the model that it fails for
	batches *[]int
	prepare func(pipeline.Model) ([]string, error)
	begin   func() // called when an attack begins
}

func (a fakeAttack) PrepareModel(_ context.Context, m pipeline.Model) ([]string, error) {
	if a.prepare == nil {
		return nil, nil
	}
	return a.prepare(m)
}

func (fakeAttack) Apply(context.Context, pipeline.Sample) ([]pipeline.Sample, error) {
	return nil, errors.New("an attack needs a model")
}

func (a fakeAttack) AttackModel(_ context.Context, _ pipeline.Model, batch []pipeline.Sample) ([]pipeline.Sample, error) {
	if batch[0].Model == a.fail {
		return nil, pipeline.ErrNoGradient
	}
	if a.batches != nil {
		*a.batches = append(*a.batches, len(batch))
	}
	if a.begin != nil {
		a.begin()
	}
	var made []pipeline.Sample
	for _, s := range batch {
		for _, eps := range []int32{100, 800} {
			next := s.With(pipelinetest.Picture(s.Image.W, s.Image.H, s.Rand("fgsm").Uint64()+uint64(eps)), s.Variant.Then("fgsm", eps))
			next.Attacked = &record.Attack{Linf: float32(eps) / 25500, Forward: 1, Backward: 1}
			made = append(made, next)
		}
	}
	return made, nil
}

func (fakeAttack) Passes() (forward, backward int) { return 1, 3 }
func (fakeAttack) Variants() int                   { return 2 }
func (fakeAttack) SubstitutePasses() int           { return 50 }
func (fakeAttack) Severities() []int32             { return []int32{100, 800} }

func attackBench(t *testing.T, a fakeAttack) *bench {
	b := newBench(t)
	registry.Register(b.reg.Stages, "fgsm", "an attack", none{}, func(none) (pipeline.Stage, error) { return a, nil })
	return b
}

const attacked = `
models: [{name: a, type: a}, {name: b, type: b}]
pipelines: [{name: hard, source: {type: mem}, stages: [{type: double}, {type: fgsm}]}]
sinks: [{type: keep}]
`

// TestAttackActsOnTheModelsInput: after the other stages, per model, in its
// batches, and with the same rows whatever the workers.
func TestAttackActsOnTheModelsInput(t *testing.T) {
	var first []string
	for _, workers := range []int{1, 3} {
		var batches []int
		a := fakeAttack{}
		if workers == 1 {
			a.batches = &batches
		}
		b := attackBench(t, a)
		b.workers = workers
		b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
		b.model("b", &pipelinetest.FakeModel{Classes: 3, Batch: 5})
		res, err := b.run(t.Context(), attacked, pipeline.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if res.Rows != 21*2*2*2 { // images, double, fgsm, models
			t.Errorf("%d rows, want 168", res.Rows)
		}
		if workers == 1 && slices.Max(batches) > 5 {
			t.Errorf("batches of %v: more than the models take", batches)
		}
		if !slices.ContainsFunc(b.sink.rows, func(row string) bool { return strings.Contains(row, "/noise-2+fgsm/800") }) {
			t.Errorf("no row of the chain: %v", b.sink.rows[:4])
		}
		if first == nil {
			first = b.sink.rows
		}
		if !slices.Equal(first, b.sink.rows) {
			t.Errorf("with %d workers the rows or their order differ", workers)
		}
	}
}

// TestAttackThatFailsGivesUpItsModel and no other.
func TestAttackThatFailsGivesUpItsModel(t *testing.T) {
	b := attackBench(t, fakeAttack{fail: "a"})
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	b.model("b", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	res, err := b.run(t.Context(), attacked, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Failed) != 1 || res.Failed[0].Name != "a" || !strings.Contains(res.Failed[0].Error, "pipelines[0].stages[1] (fgsm): the network has no gradient") {
		t.Errorf("failed: %+v", res.Failed)
	}
	if res.Rows != 21*2*2 {
		t.Errorf("%d rows of the other model, want 84", res.Rows)
	}
}

func TestAttackIsTheEndOfTheStages(t *testing.T) {
	b := attackBench(t, fakeAttack{})
	_, err := b.compile(strings.Replace(attacked, "[{type: double}, {type: fgsm}]", "[{type: fgsm}, {type: fgsm}, {type: double}]", 1))
	if err == nil || !strings.Contains(err.Error(), "pipelines[0].stages[2]: double must stand before pipelines[0].stages[1] (fgsm)") {
		t.Errorf("got %v", err)
	}
}

func TestAttackPassesArePlanned(t *testing.T) {
	b := attackBench(t, fakeAttack{})
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	b.model("b", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	plan, err := b.compile(strings.Replace(attacked, "{type: double}, ", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	o := plan.Describe(t.Context())
	// Each of 21 images: one forward pass of the attack and two of its results.
	if p := o.Pipelines[0]; p.ForwardPasses != 2*21*3 || p.BackwardPasses != 2*21*3 {
		t.Errorf("%d forward and %d backward passes, want 126 and 126", p.ForwardPasses, p.BackwardPasses)
	}
	if p := o.Pipelines[0]; !p.Attacked || p.SubstitutePasses != 2*21*52 {
		t.Errorf("%d forward passes without a gradient, want 2184", p.SubstitutePasses)
	}
	if m := o.Models[0]; m.ForwardPasses != 21*3 || m.BackwardPasses != 21*3 {
		t.Errorf("model: %+v", m)
	}
}

// labelled is a source that says how many classes its labels are of.
type labelled struct {
	*pipelinetest.MemSource
	classes int
}

func (s labelled) Describe(ctx context.Context) (pipeline.SourceInfo, error) {
	info, err := s.MemSource.Describe(ctx)
	info.Classes = s.classes
	return info, err
}

// TestAttackedImagesMustHaveTheModelsLabels: a run that could not attack any
// image does not begin, and a plan says so.
func TestAttackedImagesMustHaveTheModelsLabels(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"decided": {
			"pipelines: [{name: hard, source: {type: mem}, stages: [{type: decide}, {type: fgsm}]}]",
			"pipelines[0].stages[1]: fgsm needs labels among the models' own classes; those of pipeline hard are of the decision pair",
		},
		"unlabelled": {
			"pipelines: [{name: hard, source: {type: plain}, stages: [{type: double}, {type: fgsm}]}]",
			"pipelines[0].stages[1]: fgsm needs labels, and the data set of pipeline hard has none",
		},
		"unlabelled without attack": {"pipelines: [{name: easy, source: {type: plain}, stages: [{type: double}]}]", ""},
	} {
		b := attackBench(t, fakeAttack{})
		registry.Register(b.reg.Stages, "decide", "decides", none{}, func(none) (pipeline.Stage, error) { return decide{twoOfThree()}, nil })
		registry.Register(b.reg.Sources, "plain", "images without labels", none{}, func(none) (pipeline.Source, error) { return labelled{b.source, 0}, nil })
		b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
		config := "models: [{name: a, type: a}]\n" + c.config + "\nsinks: [{type: keep}]\n"
		plan, err := b.compile(config)
		if err != nil {
			t.Fatal(err)
		}
		planned := plan.Describe(t.Context()).Issues
		_, err = b.run(t.Context(), config, pipeline.RunOptions{})
		switch {
		case c.want == "" && (err != nil || len(planned) > 0):
			t.Errorf("%s: %v, planned %v", name, err, planned)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), "test.yaml:2:") || !strings.Contains(err.Error(), c.want) || planned.Error() != err.Error()):
			t.Errorf("%s: error is %v, planned %v, want %q", name, err, planned, c.want)
		}
	}
}

// choosy is a sink that knows what stages it can use.
type choosy struct {
	memorySink
	told []record.PipelineStages
}

func (s *choosy) CheckStages(pipelines []record.PipelineStages) error {
	s.told = pipelines
	if pipelines[0].Attack == "fgsm" {
		return nil
	}
	return registry.Fieldf("wants", "must be attacked, got %s", pipelines[0].Pipeline)
}

// TestStagesAreCheckedWithTheConfig: the mistake has its place, and no data set
// is looked at.
func TestStagesAreCheckedWithTheConfig(t *testing.T) {
	b := attackBench(t, fakeAttack{})
	sink := &choosy{}
	registry.Register(b.reg.Sinks, "choosy", "wants attacks", none{}, func(none) (pipeline.Sink, error) { return sink, nil })
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	const config = `
models: [{name: a, type: a}]
pipelines: [{name: hard, source: {type: mem}, stages: [{type: double}, {type: fgsm}]}]
sinks: [{type: keep}, {type: choosy}]
`
	if _, err := b.compile(config); err != nil {
		t.Fatal(err)
	}
	want := []record.PipelineStages{{Pipeline: "hard", Attack: "fgsm", Severities: []int32{100, 800}, Before: []string{"double"}}}
	if !reflect.DeepEqual(sink.told, want) {
		t.Errorf("the sink is told %+v, want %+v", sink.told, want)
	}
	_, err := b.compile(strings.Replace(config, ", {type: fgsm}", "", 1))
	if want := "test.yaml:4:23: sinks[1].wants: must be attacked, got hard"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// strict is a stage for one protocol.
type strict struct{ stageFunc }

func (strict) CheckProtocol(protocol string) error {
	if protocol == "standard" {
		return nil
	}
	return registry.Fieldf("quantize", "cannot be used with protocol: %s", protocol)
}

func TestStagesAreCheckedAgainstTheProtocol(t *testing.T) {
	b := newBench(t)
	registry.Register(b.reg.Stages, "strict", "for one protocol", none{}, func(none) (pipeline.Stage, error) { return strict{}, nil })
	b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4})
	config := "models: [{name: a, type: a}]\npipelines: [{name: p, source: {type: mem}, stages: [{type: strict}]}]\nsinks: [{type: keep}]\n"
	if _, err := b.compile(config); err != nil {
		t.Error(err)
	}
	_, err := b.compile("protocol: quba-code\n" + config)
	if want := "test.yaml:3:53: pipelines[0].stages[0].quantize: cannot be used with protocol: quba-code"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// noteSink keeps what is noted of the models.
type noteSink struct {
	memorySink
	notes map[string]map[string][]string
}

func (s *noteSink) Open(ctx context.Context, run *pipeline.Run) error {
	s.notes = map[string]map[string][]string{}
	for _, m := range run.Models {
		s.notes[m.Name] = m.Notes
	}
	return s.memorySink.Open(ctx, run)
}

// TestAttacksArePreparedForTheirModels: before any image, for the models of the
// pipeline alone; caveats reach the sinks and the result, and a model that cannot
// be attacked is left out at once.
func TestAttacksArePreparedForTheirModels(t *testing.T) {
	models := map[string]*pipelinetest.FakeModel{}
	var prepared atomic.Int32
	b := attackBench(t, fakeAttack{prepare: func(m pipeline.Model) ([]string, error) {
		prepared.Add(1)
		switch m {
		case models["a"]:
			return []string{"gradient: in float32"}, nil
		case models["b"]:
			return nil, pipeline.ErrNoGradient
		}
		return nil, errors.New("must not be prepared")
	}})
	for _, name := range []string{"a", "b", "c"} {
		models[name] = b.model(name, &pipelinetest.FakeModel{Classes: 3, Batch: 4, OnInfer: func(pipeline.Sample) {
			if prepared.Load() != 2 {
				t.Error("an image is classified before the attacks are prepared")
			}
		}})
	}
	sink := &noteSink{}
	registry.Register(b.reg.Sinks, "notes", "keeps notes", none{}, func(none) (pipeline.Sink, error) { return sink, nil })
	res, err := b.run(t.Context(), `
models: [{name: a, type: a}, {name: b, type: b}, {name: c, type: c}]
pipelines:
  - {name: clean, source: {type: mem}}
  - {name: hard, source: {type: mem}, stages: [{type: fgsm}], models: [a, b]}
sinks: [{type: notes}]
`, pipeline.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Failed) != 1 || res.Failed[0].Name != "b" || !strings.Contains(res.Failed[0].Error, "pipelines[1].stages[0] (fgsm): the network has no gradient") {
		t.Errorf("failed: %+v", res.Failed)
	}
	want := map[string]map[string][]string{"a": {"hard": {"gradient: in float32"}}, "c": nil}
	if !reflect.DeepEqual(sink.notes, want) {
		t.Errorf("notes are %v, want %v", sink.notes, want)
	}
	if res.Rows != 2*21+21*2 || models["b"].Closed() != 1 {
		t.Errorf("%d rows; the model that cannot be attacked was closed %d times", res.Rows, models["b"].Closed())
	}
	text, err := os.ReadFile(filepath.Join(res.Out, record.RunFile))
	if err != nil || !strings.Contains(string(text), "gradient: in float32") {
		t.Errorf("run.json does not have the note (%v)", err)
	}
}
