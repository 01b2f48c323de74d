package stages

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/autodiff"
	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
)

// attacks are the registered ones, made to be quick.
func attacks(t testing.TB) map[string]pipeline.Attack {
	t.Helper()
	made := map[string]pipeline.Attack{}
	for _, name := range Stages.Names() {
		if isAttack(t, name) {
			made[name] = makeDefault(t, name).(pipeline.Attack)
		}
	}
	c := defaultsOf[squareConfig](t, "square")
	c.Queries = 50
	made["square"] = makeStage(t, "square", c).(pipeline.Attack)
	sweep := defaultsOf[pgdConfig](t, "pgd")
	sweep.Eps, sweep.Restarts, sweep.Quantize = []float64{4, 1, 16}, 2, true
	made["pgd, a sweep"] = makeStage(t, "pgd", sweep).(pipeline.Attack)
	stop := defaultsOf[fgsmConfig](t, "fgsm")
	stop.EarlyStop = true
	made["fgsm, stopping early"] = makeStage(t, "fgsm", stop).(pipeline.Attack)
	return made
}

// attacked are samples as the engine makes them for a FakeModel.
func attacked(n int) []pipeline.Sample {
	var batch []pipeline.Sample
	source := &pipelinetest.MemSource{N: n, Classes: 4}
	for s, err := range source.Samples(context.Background()) {
		if err != nil {
			panic(err) // it has no bad samples
		}
		s.Seed, s.Model, s.Pipeline = 5, "fake", "adversarial"
		batch = append(batch, s)
	}
	return batch
}

func fake() *pipelinetest.FakeModel {
	return &pipelinetest.FakeModel{Classes: 4, Batch: 4, Gradients: true}
}

func run(t testing.TB, a pipeline.Attack, m pipeline.Model, batch []pipeline.Sample) []pipeline.Sample {
	t.Helper()
	out, err := a.AttackModel(context.Background(), m, batch)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func correct(t testing.TB, m pipeline.Model, samples []pipeline.Sample) []bool {
	t.Helper()
	var all []bool
	for chunk := range slices.Chunk(samples, 4) {
		rec, err := m.Infer(context.Background(), chunk, false)
		if err != nil {
			t.Fatal(err)
		}
		view, err := record.NewView(rec)
		if err != nil {
			t.Fatal(err)
		}
		for i := range chunk {
			all = append(all, view.Correct(i))
		}
		rec.Release()
	}
	return all
}

func TestAttacksConform(t *testing.T) {
	batch := attacked(4)
	before := correct(t, fake(), batch)
	for name, a := range attacks(t) {
		t.Run(name, func(t *testing.T) {
			open(t, a, "standard")
			if _, err := a.Apply(context.Background(), batch[0]); err == nil {
				t.Error("it attacks without a model")
			}
			if notes := strings.Join(a.(pipeline.Noter).Notes(), "; "); strings.Contains(notes, "normalised") {
				t.Errorf("attacks on pixels come with %q", notes)
			}
			levels := a.(pipeline.Multiplier).Variants()
			out := run(t, a, fake(), batch)
			if len(out) != levels*len(batch) {
				t.Fatalf("%d samples, want %d for each of %d", len(out), levels, len(batch))
			}
			forward, backward := a.Passes()
			for i, s := range out {
				checkAdversarial(t, s, batch[i/levels])
				if s.Attacked.Before != before[i/levels] {
					t.Errorf("%s was correct before: %v, and the attack says %v", s.ID, before[i/levels], s.Attacked.Before)
				}
				if int(s.Attacked.Forward) > forward || int(s.Attacked.Backward) > backward {
					t.Errorf("%+v, and %d and %d passes were announced", s.Attacked, forward, backward)
				}
			}
			for i := range batch {
				if alone := run(t, a, fake(), batch[i:i+1]); !reflect.DeepEqual(alone, out[i*levels:(i+1)*levels]) {
					t.Errorf("%s differs when attacked alone", batch[i].ID)
				}
			}
		})
	}
}

func checkAdversarial(t *testing.T, s, clean pipeline.Sample) {
	t.Helper()
	if s.ID != clean.ID || s.Label != clean.Label || s.Seed != clean.Seed || s.Model != clean.Model {
		t.Errorf("%s: the sample is no longer what it was: %+v", clean.ID, s)
	}
	e := s.Exact
	if e == nil || s.Attacked == nil || e.W != 8 || e.H != 8 || s.Image.W != 8 || s.Image.H != 8 {
		t.Fatalf("%s: no exact image of 8x8, or no account of the attack", s.ID)
	}
	largest, sum := 0.0, 0.0
	for i, level := range s.Image.Pix {
		v := float64(e.Pix[i%3*64+i/3])
		if math.Abs(255*v-float64(level)) > 0.5+1e-4 {
			t.Fatalf("value %d is %g, the image for people has %d/255", i, v, level)
		}
		d := v - float64(clean.Image.Pix[i])/255
		largest, sum = max(largest, math.Abs(d)), sum+d*d
	}
	if math.Abs(largest-float64(s.Attacked.Linf)) > 1e-6 || math.Abs(math.Sqrt(sum)-float64(s.Attacked.L2)) > 1e-6 {
		t.Errorf("the norms are %g and %g, the attack says %+v", largest, math.Sqrt(sum), s.Attacked)
	}
	norm, limit := largest, float64(s.Variant.Severity)/100/255
	if s.Variant.Perturbation == "pgd_l2" {
		norm, limit = math.Sqrt(sum), float64(s.Variant.Severity)/1000
	}
	if norm > limit+1e-6 {
		t.Errorf("%v: the norm is %g", s.Variant, norm)
	}
}

func TestAttackSeverities(t *testing.T) {
	c := defaultsOf[fgsmConfig](t, "fgsm")
	c.Eps = []float64{0.25, 8, 1}
	l2 := defaultsOf[pgdL2Config](t, "pgd_l2")
	l2.Eps = []float64{0.5, 3}
	for want, a := range map[string]pipeline.Stage{
		"fgsm:25 fgsm:800 fgsm:100 ": makeStage(t, "fgsm", c),
		"pgd_l2:500 pgd_l2:3000 ":    makeStage(t, "pgd_l2", l2),
		"pgd:800 ":                   makeDefault(t, "pgd"),
	} {
		if got := severities(run(t, a.(pipeline.Attack), fake(), attacked(1))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// What a model is given decides, not the rounded image; and a strong attack
// fools it.
func TestAttacksFoolTheModel(t *testing.T) {
	c := defaultsOf[pgdConfig](t, "pgd")
	c.Eps = []float64{255}
	samples := run(t, makeStage(t, "pgd", c).(pipeline.Attack), fake(), attacked(4))
	if got := correct(t, fake(), samples); slices.Contains(got, true) {
		t.Errorf("still correct: %v", got)
	}
}

// A second attack begins where the first ended.
func TestAttacksFollowEachOther(t *testing.T) {
	a := makeDefault(t, "fgsm").(pipeline.Attack)
	first := run(t, a, fake(), attacked(1))
	second := run(t, a, fake(), first)[0]
	if second.Variant != (pipeline.Variant{Perturbation: "fgsm-800+fgsm", Severity: 800}) {
		t.Errorf("the variant is %v", second.Variant)
	}
	plane, largest := first[0].Exact.Pix, 0.0
	for j, v := range second.Exact.Pix {
		largest = max(largest, math.Abs(float64(v-plane[j])))
	}
	if math.Abs(largest-float64(second.Attacked.Linf)) > 1e-6 {
		t.Errorf("the norm is %g from the image before, the attack says %g", largest, second.Attacked.Linf)
	}
}

func TestAutoTakesSquareWithoutGradient(t *testing.T) {
	blind := fake()
	blind.Gradients = false
	for _, name := range []string{"fgsm", "pgd", "apgd"} {
		_, err := makeDefault(t, name).(pipeline.Attack).AttackModel(context.Background(), blind, attacked(2))
		if !errors.Is(err, pipeline.ErrNoGradient) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "set attack: auto") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	c := defaultsOf[fgsmConfig](t, "fgsm")
	c.Attack, c.Queries = "auto", 70
	a := makeStage(t, "fgsm", c).(pipeline.Attack)
	if forward, backward := a.Passes(); forward != 1 || backward != 1 {
		t.Errorf("%d and %d passes, want one of each", forward, backward)
	}
	if n := a.(pipeline.Substitute).SubstitutePasses(); n != 71 {
		t.Errorf("%d passes without a gradient, want 71", n)
	}
	if n := makeDefault(t, "fgsm").(pipeline.Substitute).SubstitutePasses(); n != 0 {
		t.Errorf("%d passes without a gradient, and nothing stands in", n)
	}
	if got := severities(run(t, a, blind, attacked(1))); got != "square_for_fgsm:800 " {
		t.Errorf("without a gradient: %s", got)
	}
	if got := severities(run(t, a, fake(), attacked(1))); got != "fgsm:800 " {
		t.Errorf("with a gradient: %s", got)
	}
	run(t, makeDefault(t, "square").(pipeline.Attack), blind, attacked(1))
}

// hidden is a model that is no Differentiable.
type hidden struct{ pipeline.Model }

func TestAttacksRefuse(t *testing.T) {
	a := makeDefault(t, "pgd").(pipeline.Attack)
	unlabelled, decided, large := attacked(2), attacked(2), attacked(2)
	unlabelled[1].Label = record.NoClass
	decided[1].Decision = imagenet.ImageNet9()
	large[1].Image = pipelinetest.Picture(9, 8, 1)
	beyond := attacked(2)
	beyond[1].Label = 4
	for name, test := range map[string]struct {
		m        pipeline.Model
		batch    []pipeline.Sample
		want     string
		unusable bool
	}{
		"unlabelled":    {fake(), unlabelled, "image0001", true},
		"decided":       {fake(), decided, "own classes", false},
		"wrong size":    {fake(), large, "must be 8x8", false},
		"unknown class": {fake(), beyond, "image0001: the label", false},
		"opaque":        {hidden{fake()}, attacked(1), "cannot be attacked", false},
	} {
		_, err := a.AttackModel(context.Background(), test.m, test.batch)
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, pipeline.ErrUnusable) != test.unusable {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// With protocol: quba-code, what enters the network is in 0..1 after the
// attack: pixels are then between mean and mean + std.
func TestAttacksOfTheReleasedCode(t *testing.T) {
	mean, std := [3]float32{0.5, 0.4, 0.3}, [3]float32{0.25, 0.2, 0.1} // as FakeModel says
	for _, name := range []string{"fgsm", "pgd"} {
		a := makeDefault(t, name).(pipeline.Attack)
		open(t, a, "quba-code")
		if notes := a.(pipeline.Noter).Notes(); len(notes) != 1 || !strings.Contains(notes[0], "cannot be compared") {
			t.Errorf("the notes are %q", notes)
		}
		batch := attacked(4)
		for i, s := range run(t, a, fake(), batch) {
			if s.Variant.Perturbation != name || s.Attacked.Linf < 8.0/255 {
				t.Errorf("%v, %+v: too near for a clip of normalised values", s.Variant, s.Attacked)
			}
			for j, v := range s.Exact.Pix {
				colour := j / 64
				if z := (v - mean[colour]) / std[colour]; z < -1e-5 || z > 1+1e-5 {
					t.Fatalf("value %d enters the network as %g", j, z)
				}
				if clean := float32(batch[i].Image.Pix[3*(j%64)+colour]) / 255; clean > mean[colour]+0.1*std[colour] && clean < mean[colour]+0.9*std[colour] && math.Abs(float64(v-clean)) > 8.0/255*float64(std[colour])+1e-6 {
					t.Fatalf("value %d moved from %g to %g, more than eps in units of its deviation", j, clean, v)
				}
			}
		}
	}
	c := defaultsOf[fgsmConfig](t, "fgsm")
	c.Quantize = true
	checker := makeStage(t, "fgsm", c).(pipeline.ProtocolChecker)
	wantFieldError(t, checker.CheckProtocol("quba-code"), "quantize")
	if err := checker.CheckProtocol("standard"); err != nil {
		t.Errorf("quantized pixels are refused: %v", err)
	}
}

func TestAttackOptionsAreChecked(t *testing.T) {
	same := defaultsOf[fgsmConfig](t, "fgsm")
	same.Eps = []float64{1, 2, 1}
	_, err := tryMakeStage("fgsm", same)
	wantFieldError(t, errors.Join(err, same.Validate()), "eps")
	between := defaultsOf[pgdConfig](t, "pgd")
	between.Eps = []float64{8, 0.25, 1.005}
	wantFieldError(t, between.Validate(), "eps[2]")
	fine := defaultsOf[squareConfig](t, "square")
	fine.Eps, fine.Quantize = []float64{4, 0.5}, true
	wantFieldError(t, fine.Validate(), "eps[1]")
	euclidean := defaultsOf[pgdL2Config](t, "pgd_l2")
	euclidean.Eps = []float64{0.0624}
	wantFieldError(t, euclidean.Validate(), "eps[0]")
	restarts := defaultsOf[pgdL2Config](t, "pgd_l2")
	restarts.RandomStart, restarts.Restarts = false, 2
	wantFieldError(t, restarts.Validate(), "restarts")
}

// Which samples stand beside one, and where, changes nothing.
func TestAttacksDoNotMixSamples(t *testing.T) {
	a := makeDefault(t, "pgd").(pipeline.Attack)
	batch := attacked(12)
	want := map[string]pipeline.Sample{}
	for _, s := range batch {
		want[s.ID] = run(t, a, fake(), []pipeline.Sample{s})[0]
	}
	rapid.Check(t, func(r *rapid.T) {
		shuffled := rapid.Permutation(batch).Draw(r, "order")[:rapid.IntRange(1, 4).Draw(r, "n")]
		out, err := a.AttackModel(context.Background(), fake(), shuffled)
		if err != nil {
			r.Fatal(err)
		}
		for _, s := range out {
			if !reflect.DeepEqual(s, want[s.ID]) {
				r.Fatalf("%s depends on the others", s.ID)
			}
		}
	})
}

// What was done to the network, or why another attack takes the place, is said
// once for each model.
func TestAttacksSayHowTheyWork(t *testing.T) {
	noted, blind := fake(), fake()
	noted.Notes, blind.Gradients = []string{"in float32"}, false
	c := defaultsOf[pgdConfig](t, "pgd")
	c.Attack = "auto"
	auto := makeStage(t, "pgd", c)
	c.Queries = 5
	few, hardmax := makeStage(t, "pgd", c), &autodiff.UnsupportedError{Operator: "Hardmax"}
	for name, test := range map[string]struct {
		attack pipeline.Stage
		model  pipeline.Model
		want   []string
	}{
		"plain":       {auto, fake(), nil},
		"noted":       {auto, noted, []string{"gradient: in float32"}},
		"no gradient": {auto, blind, []string{"no gradient: fake: the network has no gradient", "square_for_pgd makes up to 1000 queries in a search"}},
		"not asked":   {makeDefault(t, "square"), noted, nil},
		"unsupported": {auto, lacking{blind, hardmax}, []string{"no gradient of operator Hardmax", "square_for_pgd makes up to 1000 queries in a search"}},
		"few queries": {few, lacking{blind, hardmax}, []string{"no gradient of operator Hardmax", "square_for_pgd makes up to 5 queries in a search"}},
		"a rule's reason": {
			auto,
			lacking{blind, &autodiff.UnsupportedError{Model: "m.onnx", Operator: "Resize", Reason: "mode cubic"}},
			[]string{"no gradient of operator Resize: mode cubic", "square_for_pgd makes up to 1000 queries in a search"},
		},
		"no operator": {
			auto,
			lacking{blind, &autodiff.UnsupportedError{Model: "m.onnx", Reason: "output does not depend on the input"}},
			[]string{"no gradient: output does not depend on the input", "square_for_pgd makes up to 1000 queries in a search"},
		},
		"not finite": {
			auto,
			lacking{blind, errors.New(`it has NaN values; use the attack "square", which needs no gradient`)},
			[]string{"no gradient: it has NaN values", "square_for_pgd makes up to 1000 queries in a search"},
		},
		"black box": {makeDefault(t, "square"), lacking{blind, hardmax}, nil},
	} {
		got, err := test.attack.(pipeline.ModelPreparer).PrepareModel(t.Context(), test.model)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: notes are %q, error %v", name, got, err)
		}
	}
	_, err := makeDefault(t, "pgd").(pipeline.ModelPreparer).PrepareModel(t.Context(), blind)
	if !errors.Is(err, pipeline.ErrNoGradient) || !strings.Contains(err.Error(), "pgd") {
		t.Errorf("error is %v", err)
	}
}

// lacking is a model that has no gradient for a reason.
type lacking struct {
	*pipelinetest.FakeModel
	reason error
}

func (l lacking) Differentiator(ctx context.Context, gradient bool) (pipeline.Differentiator, error) {
	if gradient {
		return nil, fmt.Errorf("%w: %w", pipeline.ErrNoGradient, l.reason)
	}
	return l.FakeModel.Differentiator(ctx, false)
}

// A score is not that of the dimension where its attack is not.
func TestAttacksSayHowTheyDifferFromTheDimension(t *testing.T) {
	const differs = " differs from the definition of adversarial_robustness: "
	fgsm := func(change func(*fgsmConfig)) pipeline.Stage {
		c := defaultsOf[fgsmConfig](t, "fgsm")
		change(&c)
		return makeStage(t, "fgsm", c)
	}
	pgd := func(change func(*pgdConfig)) pipeline.Stage {
		c := defaultsOf[pgdConfig](t, "pgd")
		change(&c)
		return makeStage(t, "pgd", c)
	}
	for name, test := range map[string]struct {
		attack pipeline.Stage
		want   string
	}{
		"fgsm":                  {makeDefault(t, "fgsm"), ""},
		"pgd":                   {makeDefault(t, "pgd"), ""},
		"stopping early":        {pgd(func(c *pgdConfig) { c.EarlyStop = true }), ""},
		"the step as number":    {pgd(func(c *pgdConfig) { c.Step = 2 }), ""},
		"a sweep":               {pgd(func(c *pgdConfig) { c.Eps = []float64{1, 8} }), ""},
		"a step of one sweep":   {pgd(func(c *pgdConfig) { c.Eps, c.Step = []float64{1, 8, 4}, 2 }), "pgd" + differs + "step 2/255 (not a quarter of eps 1, 4)"},
		"hardly an attack":      {pgd(func(c *pgdConfig) { c.Steps, c.Step, c.RandomStart = 1, 0.01, false }), "pgd" + differs + "steps 1 (not 10), step 0.01/255 (not a quarter of eps 8), no random start"},
		"rounded and restarted": {pgd(func(c *pgdConfig) { c.Quantize, c.Restarts = true, 3 }), "pgd" + differs + "rounded to 8-bit images, 3 restarts (stronger)"},
		"rounded":               {fgsm(func(c *fgsmConfig) { c.Quantize = true }), "fgsm" + differs + "rounded to 8-bit images"},
	} {
		if got := strings.Join(test.attack.(pipeline.Noter).Notes(), "; "); got != test.want {
			t.Errorf("%s: the note is %q, want %q", name, got, test.want)
		}
	}
}
