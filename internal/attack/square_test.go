package attack

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestSquareSide(t *testing.T) {
	for _, test := range []struct{ query, queries, h, w, want int }{
		{0, 10000, 224, 224, 200}, // sqrt(0.8) of the side
		{10, 10000, 224, 224, 200},
		{11, 10000, 224, 224, 142},
		{51, 10000, 224, 224, 100},
		{9999, 10000, 224, 224, 9},
		{999, 1000, 224, 224, 9}, // the schedule is scaled to the queries
		{0, 10, 2, 100, 2},
		{9, 10, 3, 3, 1},
	} {
		if got := squareSide(test.query, test.queries, test.h, test.w); got != test.want {
			t.Errorf("query %d of %d at %dx%d: side %d, want %d", test.query, test.queries, test.w, test.h, got, test.want)
		}
	}
}

// A changed value is always at the surface of the ball, or at an edge of 0..1.
func TestSquareStaysAtTheSurface(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	in := randomImages(r, 2, 6, 5, 3)
	const radius = 0.1
	for i, found := range mustRun(t, &toyOracle{differentiable: randomLinear(r, 3, 90), batch: 2}, Square{Queries: 30}, in, Options{Radii: []float32{radius}, Restarts: 1}) {
		for j, v := range found[0].Pix {
			c := in.Pix[i][j]
			if v != unit(c+radius) && v != unit(c-radius) {
				t.Fatalf("value %d of image %d went from %g to %g", j, i, c, v)
			}
		}
	}
}

// The result has the lowest margin of all queries: squares that raise it do not
// stay. The search ends at the first image that is misclassified.
func TestSquareLowersTheMargin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		model := randomMLP(r, 3, 5, 48)
		in := randomImages(r, 1, 4, 4, 3)
		lowest, visits, fooled := float32(math.Inf(1)), 0, false
		oracle := &toyOracle{differentiable: model, batch: 1, seen: func(_ int, _ []float32, z []float64) {
			visits++
			if visits == 1 {
				return // the clean image
			}
			if fooled {
				t.Fatal("a query after success")
			}
			lowest = min(lowest, margin(float32s(z), in.Labels[0]))
			fooled = !isCorrect(float32s(z), in.Labels[0])
		}}
		all, err := Run(context.Background(), oracle, Square{Queries: 60}, in, Options{Radii: []float32{0.05}, Restarts: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got := margin(float32s(model.forward(all[0][0].Pix)), in.Labels[0]); got != lowest {
			t.Fatalf("the margin is %g, %g was seen", got, lowest)
		}
		if visits != int(all[0][0].Forward) || !fooled && visits != 61 {
			t.Fatalf("%d passes, %d were counted", visits, all[0][0].Forward)
		}
	})
}
