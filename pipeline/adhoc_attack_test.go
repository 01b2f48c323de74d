package pipeline_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
)

// attackedModels resize to 4x4; b is the one that is opened.
func attackedModels(b *bench) (a, chosen *pipelinetest.FakeModel) {
	small := pipeline.Transform{Mode: imaging.ResizeExact, ResizeW: 4, ResizeH: 4, Filter: imaging.Bilinear}
	a = b.model("a", &pipelinetest.FakeModel{Classes: 3, Batch: 4, OpenErr: errors.New("must not be opened")})
	return a, b.model("b", &pipelinetest.FakeModel{Classes: 3, Batch: 4, Transform: small})
}

func TestEachAttackGivesInputsWithWhatBecameOfThem(t *testing.T) {
	defer goleak.VerifyNone(t)
	var first []string
	for _, workers := range []int{1, 3} {
		b := attackBench(t, fakeAttack{})
		b.workers = workers
		b.source.Bad = []int{2}
		_, chosen := attackedModels(b)
		plan, err := b.compile(attacked)
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		count, err := plan.EachAttack(t.Context(), "hard", "b", quiet(), func(input pipeline.Sample, made []pipeline.Sample) error {
			if input.Image.W != 4 || input.Model != "b" || len(made) != 2 {
				t.Errorf("%+v with %d adversarial versions", input, len(made))
			}
			for i, s := range made {
				if s.ID != input.ID || s.Variant != input.Variant.Then("fgsm", []int32{100, 800}[i]) || s.Attacked == nil {
					t.Errorf("%s %v became %s %v", input.ID, input.Variant, s.ID, s.Variant)
				}
				seen = append(seen, fmt.Sprint(s.ID, s.Variant, s.Image.Pix[:4]))
			}
			return nil
		})
		// Each of 20 good images gives two inputs, each of them two images.
		if err != nil || count.Images != 21 || count.Bad != 1 || count.FirstBad.ID != "image0002" || len(seen) != 20*2*2 {
			t.Fatalf("%+v, %v, %d images", count, err, len(seen))
		}
		if chosen.Closed() != 1 {
			t.Errorf("the model was closed %d times", chosen.Closed())
		}
		if first == nil {
			first = seen
		}
		if !slices.Equal(first, seen) {
			t.Errorf("%d workers give others, or another order", workers)
		}
	}
}

func TestEachAttackEndsAtAnError(t *testing.T) {
	defer goleak.VerifyNone(t)
	enough := errors.New("enough")
	for name, c := range map[string]struct {
		pipeline, model string
		attack          fakeAttack
		take            error
		want            string
	}{
		"no pipeline":    {pipeline: "soft", model: "b", want: `no pipeline is named "soft"`},
		"no model":       {pipeline: "hard", model: "c", want: `unknown model "c"`},
		"broken model":   {pipeline: "hard", model: "a", want: "a: must not be opened"},
		"failing attack": {pipeline: "hard", model: "b", attack: fakeAttack{fail: "b"}, want: "b: pipelines[0].stages[1] (fgsm): the network has no gradient"},
		"take":           {pipeline: "hard", model: "b", take: enough, want: "enough"},
	} {
		b := attackBench(t, c.attack)
		attackedModels(b)
		plan, err := b.compile(attacked)
		if err != nil {
			t.Fatal(err)
		}
		_, err = plan.EachAttack(t.Context(), c.pipeline, c.model, quiet(), func(pipeline.Sample, []pipeline.Sample) error { return c.take })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		var data *pipeline.DataError
		if ofModel := name == "broken model" || name == "failing attack"; errors.As(err, &data) != ofModel {
			t.Errorf("%s: that %v is a DataError must be %v", name, err, ofModel)
		}
	}
}

// Without a model nothing can be attacked.
func TestEachImageRefusesAttacks(t *testing.T) {
	b := attackBench(t, fakeAttack{})
	plan := b.part("pipelines: [{name: clean, source: {type: mem}}, {name: hard, source: {type: mem}, stages: [{type: fgsm}]}]")
	if plan.HasAttack("clean") || !plan.HasAttack("hard") {
		t.Error("only the pipeline hard ends in an attack")
	}
	_, err := plan.EachImage(t.Context(), "hard", quiet(), nil)
	var usage *pipeline.UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "pipeline hard end in an attack") {
		t.Errorf("got %v", err)
	}
}
