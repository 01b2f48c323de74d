package attack

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckpoints(t *testing.T) {
	for steps, want := range map[int][]int{
		100: {22, 41, 57, 70, 80, 87, 93, 99}, // as in the paper
		10:  {3, 5, 6, 7, 8, 9, 10},
		1:   {1},
	} {
		if got := checkpointsOf(steps); !slices.Equal(got, want) {
			t.Errorf("%d steps are checked after %v, want %v", steps, got, want)
		}
	}
}

func TestStepHalving(t *testing.T) {
	for name, test := range map[string]struct {
		c    climb
		want bool
	}{
		"three of four steps rose":        {climb{rises: 3, top: 2, topAtCheckpoint: 1}, false},
		"two of four steps rose":          {climb{rises: 2, top: 2, topAtCheckpoint: 1}, true},
		"the best stayed":                 {climb{rises: 4, top: 1, topAtCheckpoint: 1}, true},
		"the best stayed after a halving": {climb{rises: 4, top: 1, topAtCheckpoint: 1, halvedAtCheckpoint: true}, false},
	} {
		c := test.c
		c.step, c.x, c.grad, c.topPlace, c.topGrad = 1, []float32{1}, []float32{2}, []float32{3}, []float32{4}
		c.check(4)
		if halved := c.step == 0.5; halved != test.want || c.halvedAtCheckpoint != test.want {
			t.Errorf("%s: the step is %g", name, c.step)
		}
		if back := c.x[0] == 3 && c.grad[0] == 4 && c.loss == c.top; back != test.want {
			t.Errorf("%s: the place is %g", name, c.x[0])
		}
		if c.rises != 0 || c.topAtCheckpoint != c.top {
			t.Errorf("%s: the next checkpoint does not begin afresh: %+v", name, c)
		}
	}
}

// Rises are counted from place to place; the best place is that of the highest
// loss, and the one to return that of the highest among wrong ones.
func TestProgress(t *testing.T) {
	one := func() []float32 { return make([]float32, 1) }
	c := climb{x: one(), grad: one(), last: one(), best: one(), topPlace: one(), topGrad: one()}
	c.begin(3, verdict{loss: 3}, 1)
	for _, step := range []struct {
		loss             float32
		wrong            bool
		rises            int
		topPlace, result float32
	}{
		{2, false, 0, 0, 0},
		{2.5, true, 1, 0, 2}, // below the start, but wrong
		{4, false, 2, 3, 2},
		{1, true, 2, 3, 2},
		{2.6, true, 3, 3, 5},
		{5, true, 4, 6, 6},
	} {
		c.x[0]++
		c.grad[0]--
		c.observe(step.loss, verdict{wrong: step.wrong, loss: float64(step.loss)})
		if c.rises != step.rises || c.topPlace[0] != step.topPlace || c.topGrad[0] != -step.topPlace || c.best[0] != step.result {
			t.Errorf("at place %g: %d rises, the top at %g, result %g; want %+v", c.x[0], c.rises, c.topPlace[0], c.best[0], step)
		}
	}
}

// The second step has a quarter of the first one's length behind it.
func TestMomentum(t *testing.T) {
	c := climb{step: 0.1, x: []float32{0.5}, clean: []float32{0.5}, grad: []float32{1}, last: []float32{0.5}}
	c.move(0.4, true)
	if got := c.x[0]; math.Abs(float64(got)-0.6) > 1e-6 {
		t.Errorf("the first step leads to %g, want 0.6", got)
	}
	c.move(0.4, false)
	if got := c.x[0]; math.Abs(float64(got)-(0.6+0.75*0.1+0.25*0.1)) > 1e-6 || math.Abs(float64(c.last[0])-0.6) > 1e-6 {
		t.Errorf("the second leads to %g from %g", got, c.last[0])
	}
	c.grad[0] = -1
	c.move(0.4, false)
	if got := c.x[0]; math.Abs(float64(got)-(0.7-0.75*0.1+0.25*0.1)) > 1e-6 {
		t.Errorf("the third leads to %g", got)
	}
}

// What AutoPGD returns is the worst place that it saw: never better than its
// start, and as bad as the highest loss among wrong ones.
func TestAPGDReturnsTheWorst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		model := randomMLP(r, 4, 8, 12)
		in := randomImages(r, 1, 2, 2, 4)
		worst := verdict{loss: math.Inf(-1)}
		visits := 0
		oracle := &toyOracle{differentiable: model, batch: 1, seen: func(_ int, _ []float32, z []float64) {
			visits++
			_, loss := softmaxGradient(z, in.Labels[0])
			if now := judge(float32s(z), in.Labels[0], loss); visits > 1 && now.worseThan(worst) { // the first is of the clean image
				worst = now
			}
		}}
		all, err := Run(context.Background(), oracle, APGD{Steps: 15}, in, Options{Radii: []float32{0.2}, Restarts: 1})
		if err != nil {
			t.Fatal(err)
		}
		z := model.forward(all[0][0].Pix)
		_, loss := softmaxGradient(z, in.Labels[0])
		if got := judge(float32s(z), in.Labels[0], loss); got.wrong != worst.wrong || math.Abs(got.loss-worst.loss) > 1e-5 {
			t.Fatalf("%v was returned, %v was seen", got, worst)
		}
	})
}
