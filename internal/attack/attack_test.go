package attack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var methods = map[string]Method{
	"fgsm": FGSM{}, "pgd": PGD{Steps: 7, RandomStart: true}, "pgd from clean": PGD{Steps: 5, Step: 0.01},
	"pgd_l2": PGDL2{Steps: 6, RandomStart: true}, "pgd_l2 from clean": PGDL2{Steps: 6},
	"apgd": APGD{Steps: 12}, "square": Square{Queries: 40},
}

func euclidean(m Method) bool { _, is := m.(PGDL2); return is }

// distance is in the method's norm.
func distance(m Method, x, clean []float32) float64 {
	largest, sum := 0.0, 0.0
	for j, v := range x {
		d := math.Abs(float64(v) - float64(clean[j]))
		largest, sum = max(largest, d), sum+d*d
	}
	if euclidean(m) {
		return math.Sqrt(sum)
	}
	return largest
}

// Whatever the model, images, options and batch: results are in the ball and in
// 0..1, their costs within Passes, and the same beside other images.
func TestAttacksConform(t *testing.T) {
	for name, m := range methods {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { conform(t, m) })
		})
	}
}

func conform(t *rapid.T, m Method) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	h, w, n := rapid.IntRange(1, 4).Draw(t, "h"), rapid.IntRange(1, 4).Draw(t, "w"), rapid.IntRange(1, 5).Draw(t, "n")
	var model differentiable = randomLinear(r, 3, 3*h*w)
	if rapid.Bool().Draw(t, "deep") {
		model = randomMLP(r, 3, 4, 3*h*w)
	}
	opts := Options{
		Radii:    rapid.SliceOfN(rapid.Float32Range(1.0/255, 0.7), 1, 3).Draw(t, "radii"),
		Restarts: rapid.IntRange(1, 3).Draw(t, "restarts"), EarlyStop: rapid.Bool().Draw(t, "early stop"),
		Quantize: !euclidean(m) && rapid.Bool().Draw(t, "quantize"),
	}
	in := randomImages(r, n, h, w, 3)
	before := fmt.Sprint(in.Pix)
	oracle := &toyOracle{differentiable: model, batch: rapid.IntRange(1, 4).Draw(t, "batch")}
	all, err := Run(context.Background(), oracle, m, in, opts)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(in.Pix) != before {
		t.Fatal("the images were written to")
	}
	forward, backward := Passes(m, opts)
	for i, outcomes := range all {
		if len(outcomes) != len(opts.Radii) {
			t.Fatalf("%d outcomes for %d radii", len(outcomes), len(opts.Radii))
		}
		clean, label := in.Pix[i], in.Labels[i]
		correct := isCorrect(float32s(model.forward(clean)), label)
		for k, found := range outcomes {
			if d := distance(m, found.Pix, clean); d > float64(opts.Radii[k])+1e-6 {
				t.Fatalf("image %d is %g away, the radius is %g", i, d, opts.Radii[k])
			}
			if slices.Min(found.Pix) < 0 || slices.Max(found.Pix) > 1 {
				t.Fatalf("image %d leaves 0..1: %v", i, found.Pix)
			}
			if found.Before != correct {
				t.Fatalf("image %d: before is %v", i, found.Before)
			}
			if opts.EarlyStop && !correct && !slices.Equal(found.Pix, clean) {
				t.Fatalf("image %d was wrong already and changed", i)
			}
			if int(found.Forward) > forward || int(found.Backward) > backward || found.Forward < 1 {
				t.Fatalf("%d and %d passes, at most %d and %d are announced", found.Forward, found.Backward, forward, backward)
			}
			if opts.Quantize && !onGrid(found.Pix) {
				t.Fatalf("image %d is off the grid: %v", i, found.Pix)
			}
		}
		alone, err := Run(context.Background(), oracle, m, some(in, i), opts)
		if err != nil || !reflect.DeepEqual(alone[0], outcomes) {
			t.Fatalf("image %d differs when attacked alone (%v)", i, err)
		}
		last := opts
		last.Radii = opts.Radii[len(opts.Radii)-1:]
		single, err := Run(context.Background(), oracle, m, some(in, i), last)
		if err != nil || !reflect.DeepEqual(single[0][0], outcomes[len(outcomes)-1]) {
			t.Fatalf("image %d differs without the other radii (%v)", i, err)
		}
	}
}

func float32s(z []float64) []float32 {
	out := make([]float32, len(z))
	for k, v := range z {
		out[k] = float32(v)
	}
	return out
}

func onGrid(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return v != float32(math.Round(255*float64(v)))/255 })
}

// On a model of two classes that is linear, the best change is known: every
// value moves by the radius against the label. FGSM finds it, PGD and APGD too.
func TestGradientAttacksSolveTheLinearModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	model := randomLinear(r, 2, 48)
	in := randomImages(r, 4, 4, 4, 2)
	oracle := &toyOracle{differentiable: model, batch: 3}
	for name, m := range map[string]Method{"fgsm": FGSM{}, "pgd": PGD{Steps: 12, RandomStart: true}, "apgd": APGD{Steps: 20}} {
		const radius = 0.1
		for i, found := range mustRun(t, oracle, m, in, Options{Radii: []float32{radius}, Restarts: 1}) {
			y := in.Labels[i]
			for j, c := range in.Pix[i] {
				want := unit(c + radius*sign(float32(model.w[1-y][j]-model.w[y][j])))
				if math.Abs(float64(found[0].Pix[j]-want)) > 1e-6 {
					t.Fatalf("%s: value %d of image %d is %g, best is %g", name, j, i, found[0].Pix[j], want)
				}
			}
		}
	}
}

// The Euclidean attack goes along the weights, as far as the radius.
func TestPGDL2SolvesTheLinearModel(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	model := randomLinear(r, 2, 48)
	in := randomImages(r, 1, 4, 4, 2)
	for j := range in.Pix[0] {
		in.Pix[0][j] = 0.5 // far from the edges
	}
	found := mustRun(t, &toyOracle{differentiable: model, batch: 1}, PGDL2{Steps: 60, RandomStart: true}, in, Options{Radii: []float32{0.3}, Restarts: 1})
	y, norm := in.Labels[0], 0.0
	for j := range model.w[0] {
		norm += math.Pow(model.w[1-y][j]-model.w[y][j], 2)
	}
	for j, v := range found[0][0].Pix {
		if want := 0.5 + 0.3*(model.w[1-y][j]-model.w[y][j])/math.Sqrt(norm); math.Abs(float64(v)-want) > 1e-4 {
			t.Errorf("value %d is %g, best is %g", j, v, want)
		}
	}
}

// A larger ball holds the smaller one: on a linear model, where attacks find
// the worst image, the loss grows with the radius.
func TestLargerRadiiAreNotWeaker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		model := randomLinear(r, 2, 12)
		in := randomImages(r, 3, 2, 2, 2)
		radii := []float32{0.01, 0.05, 0.2, 0.5}
		for _, m := range []Method{FGSM{}, PGD{Steps: 10, RandomStart: true}, APGD{Steps: 20}} {
			all, err := Run(context.Background(), &toyOracle{differentiable: model, batch: 3}, m, in, Options{Radii: radii, Restarts: 1})
			if err != nil {
				t.Fatal(err)
			}
			for i, outcomes := range all {
				last := math.Inf(-1)
				for k, found := range outcomes {
					_, loss := softmaxGradient(model.forward(found.Pix), in.Labels[i])
					if loss < last-1e-6 {
						t.Fatalf("%T: the loss falls to %g from %g at radius %g", m, loss, last, radii[k])
					}
					last = loss
				}
			}
		}
	})
}

func TestZeroGradientsAreReported(t *testing.T) {
	in := randomImages(rand.New(rand.NewPCG(5, 5)), 1, 2, 2, 2)
	for name, m := range methods {
		for _, live := range []bool{false, true} {
			model := silent{}
			if live {
				model.gradient = 1
			}
			found := mustRun(t, &toyOracle{differentiable: model, batch: 1}, m, in, Options{Radii: []float32{0.1}, Restarts: 1})[0][0]
			if want := !live && UsesGradient(m); found.ZeroGradient != want {
				t.Errorf("%s: zero gradient is %v, want %v", name, found.ZeroGradient, want)
			}
			if name == "fgsm" && !live && !slices.Equal(found.Pix, in.Pix[0]) {
				t.Error("the sign of zero is not zero")
			}
		}
	}
}

// Restarts are made while the image withstands; of failures the highest loss
// is kept, so that it never falls with more restarts.
func TestRestartsKeepTheWorst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		model := randomMLP(r, 3, 6, 12)
		in := randomImages(r, 2, 2, 2, 3)
		last := []verdict{{loss: math.Inf(-1)}, {loss: math.Inf(-1)}}
		for restarts := 1; restarts <= 4; restarts++ {
			oracle := &toyOracle{differentiable: model, batch: 2}
			all, err := Run(context.Background(), oracle, PGD{Steps: 1, RandomStart: true}, in, Options{Radii: []float32{0.1}, Restarts: restarts})
			if err != nil {
				t.Fatal(err)
			}
			for i, outcomes := range all {
				z := model.forward(outcomes[0].Pix)
				_, loss := softmaxGradient(z, in.Labels[i])
				now := judge(float32s(z), in.Labels[i], loss)
				if last[i].worseThan(verdict{now.wrong, now.loss + 1e-6}) {
					t.Fatalf("%d restarts give %v, fewer gave %v", restarts, now, last[i])
				}
				last[i] = now
			}
		}
	})
}

func TestRestartsEndWithSuccess(t *testing.T) {
	in := randomImages(rand.New(rand.NewPCG(10, 10)), 1, 2, 2, 2)
	in.Labels = []int64{1} // what the model never says
	found := mustRun(t, &toyOracle{differentiable: silent{gradient: 1}, batch: 1}, PGD{Steps: 3, RandomStart: true}, in, Options{Radii: []float32{0.1}, Restarts: 5})
	if got := found[0][0].Forward; got != 1+3+1 {
		t.Errorf("%d passes, want those of one search", got)
	}
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		logits  []float32
		label   int64
		correct bool
		margin  float32
	}{
		{[]float32{1, 3, 2}, 1, true, 1},
		{[]float32{1, 3, 2}, 2, false, -1},
		{[]float32{3, 3, 2}, 0, true, 0}, // the first maximum decides
		{[]float32{3, 3, 2}, 1, false, 0},
		{[]float32{-3}, 0, true, float32(math.Inf(1))},
	} {
		if got := isCorrect(test.logits, test.label); got != test.correct {
			t.Errorf("%v, label %d: correct is %v", test.logits, test.label, got)
		}
		if got := margin(test.logits, test.label); got != test.margin {
			t.Errorf("%v, label %d: the margin is %g", test.logits, test.label, got)
		}
	}
	if got, want := crossEntropy([]float32{1000, 999}, 1), 1+math.Log1p(math.Exp(-1)); math.Abs(got-want) > 1e-12 {
		t.Errorf("the cross-entropy is %g, want %g", got, want)
	}
}

// The oracle is asked as often as the outcomes say.
func TestPassesAreCounted(t *testing.T) {
	in := randomImages(rand.New(rand.NewPCG(6, 6)), 1, 2, 2, 2)
	for name, m := range methods {
		for restarts := 1; restarts <= 2; restarts++ {
			oracle := &toyOracle{differentiable: silent{gradient: 1}, batch: 1} // no attack can move it
			in.Labels = []int64{0}
			opts := Options{Radii: []float32{0.1}, Restarts: restarts}
			found := mustRun(t, oracle, m, in, opts)[0][0]
			forward, backward := Passes(m, opts)
			// A gradient takes a pass in both directions.
			if oracle.forwards+oracle.backwards != int(found.Forward) || oracle.backwards != int(found.Backward) {
				t.Errorf("%s: %d and %d passes, the outcome says %d and %d", name, oracle.forwards+oracle.backwards, oracle.backwards, found.Forward, found.Backward)
			}
			if forward != int(found.Forward) || backward != int(found.Backward) {
				t.Errorf("%s: %d and %d passes, %d and %d were announced", name, found.Forward, found.Backward, forward, backward)
			}
		}
	}
}

func TestRunStops(t *testing.T) {
	in := randomImages(rand.New(rand.NewPCG(7, 7)), 1, 2, 2, 2)
	for name, m := range methods {
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		oracle := &toyOracle{differentiable: silent{gradient: 1}, batch: 1, seen: func(int, []float32, []float64) {
			calls++
			cancel()
		}}
		if _, err := Run(ctx, oracle, m, in, Options{Radii: []float32{0.1}, Restarts: 1}); !errors.Is(err, context.Canceled) || calls != 1 {
			t.Errorf("%s: %d passes after the end, error %v", name, calls, err)
		}
	}
}

// An attack of twice the steps allocates as often.
func TestStepsDoNotAllocate(t *testing.T) {
	in := randomImages(rand.New(rand.NewPCG(8, 8)), 2, 8, 8, 2)
	in.Labels = []int64{0, 0}
	for name, of := range map[string]func(steps int) Method{
		"pgd":    func(n int) Method { return PGD{Steps: n, RandomStart: true} },
		"pgd_l2": func(n int) Method { return PGDL2{Steps: n} },
		"apgd":   func(n int) Method { return APGD{Steps: n} },
		"square": func(n int) Method { return Square{Queries: n} },
	} {
		allocations := func(steps int) float64 {
			m := of(steps)
			return testing.AllocsPerRun(3, func() { mustRun(t, constant{}, m, in, Options{Radii: []float32{0.1}, Restarts: 1}) })
		}
		if few, many := allocations(100), allocations(300); many > few {
			t.Errorf("%s: %g allocations for 100 steps, %g for 300", name, few, many)
		}
	}
}

// constant is an oracle that allocates nothing.
type constant struct{}

func (constant) Batch() int   { return 2 }
func (constant) Classes() int { return 2 }
func (constant) Logits(_ context.Context, _, logits []float32) error {
	copy(logits, []float32{1, 0, 1, 0})
	return nil
}

func (constant) Gradient(_ context.Context, _ []float32, _ []int64, logits, _, dx []float32) error {
	copy(logits, []float32{1, 0, 1, 0})
	for j := range dx {
		dx[j] = 1
	}
	return nil
}

func TestNormalised(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	inner := &toyOracle{differentiable: randomMLP(r, 3, 4, 12), batch: 2}
	n := NewNormalised(inner, 2, 2, [3]float32{0.5, 0.4, 0.3}, [3]float32{0.25, 0.2, 0.1})
	x := append(randomImage(r, 12), randomImage(r, 12)...)
	z, back := make([]float32, 24), make([]float32, 24)
	n.Normalise(z, x)
	n.Pixels(back, z)
	if want := (x[16] - 0.4) / 0.2; math.Abs(float64(z[16]-want)) > 1e-6 {
		t.Errorf("a green value becomes %g, want %g", z[16], want)
	}
	labels, logits, loss := []int64{1, 2}, make([]float32, 6), make([]float32, 2)
	dx, dz := make([]float32, 24), make([]float32, 24)
	want, got := make([]float32, 6), make([]float32, 6)
	if err := errors.Join(
		inner.Gradient(context.Background(), x, labels, logits, loss, dx),
		n.Gradient(context.Background(), z, labels, want, loss, dz),
		n.Logits(context.Background(), z, got),
	); err != nil {
		t.Fatal(err)
	}
	for j := range x {
		std := []float32{0.25, 0.2, 0.1}[j/4%3]
		if math.Abs(float64(back[j]-x[j])) > 1e-6 || math.Abs(float64(dz[j]-dx[j]*std)) > 1e-4 {
			t.Fatalf("value %d: %g becomes %g; the gradient is %g, of the pixel %g", j, x[j], back[j], dz[j], dx[j])
		}
	}
	for k := range got {
		if math.Abs(float64(got[k]-logits[k])) > 1e-4 || got[k] != want[k] {
			t.Errorf("logit %d is %g and %g, of the pixels %g", k, got[k], want[k], logits[k])
		}
	}
}
