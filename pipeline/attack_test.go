package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	if m := o.Models[0]; m.ForwardPasses != 21*3 || m.BackwardPasses != 21*3 {
		t.Errorf("model: %+v", m)
	}
}
