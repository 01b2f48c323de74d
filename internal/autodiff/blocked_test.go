package autodiff

import "testing"

// TestBlocked changes no number, and touches only what the layout is for.
func TestBlocked(t *testing.T) {
	initialize(t)
	for name, test := range map[string]struct {
		shape []int64
		convs int
	}{
		"images":           {[]int64{2, 32, 3, 5}, 1},
		"colour images":    {[]int64{2, 3, 3, 5}, 0},
		"rows of channels": {[]int64{2, 16, 3}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder(&trace{shapes: map[string][]int64{"x": test.shape}, types: map[string]elementType{"x": float32Type}, constants: map[string]*tensor{}}, gradientOpset)
			out := b.blocked("x")
			n := network{shape: test.shape, constants: b.constants, nodes: append(b.nodes, op("Identity", out, "y"))}
			if len(b.nodes) != test.convs {
				t.Fatalf("%d convolutions, want %d", len(b.nodes), test.convs)
			}
			x := normal(1, count(test.shape))
			near(t, "images", n.output(t, x).Data.([]float32), x, 0)
		})
	}
}
