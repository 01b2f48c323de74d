package corruption

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestWarpAtTheEdges(t *testing.T) {
	picture := []float32{0, 0, 0, 0.5, 0.5, 0.5, 1, 1, 1, 0}
	for _, c := range []struct {
		x     float64
		edges edgeMode
		want  float32
	}{
		{0.5, edgeReflect, 0.25},
		{-0.5, edgeReflect, 0},       // between pixel 0 and itself
		{-1.5, edgeReflect, 0.25},    // between 0 and 1
		{2.5, edgeReflect, 1},        // between 2 and itself
		{-0.5, edgeReflect101, 0.25}, // between 1 and 0
		{2.5, edgeReflect101, 0.75},
		{-1001.5, edgeReflect101, 0.75}, // between 2 and 1, as -1002 and -1001 are modulo 4
	} {
		p := warp{w: 3, h: 1, from: picture, edges: c.edges}
		out := make([]float32, 4)
		p.row(out, []float64{c.x}, []float64{0})
		if out[0] != c.want || out[1] != c.want || out[2] != c.want {
			t.Errorf("at %v: %v, want %v", c.x, out[:3], c.want)
		}
	}
}

// C, Go and the definition in double precision agree up to rounding.
func TestWarpRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 12).Draw(t, "w"), rapid.IntRange(1, 12).Draw(t, "h")
		picture := rapid.SliceOfN(rapid.Float32Range(0, 1), 3*w*h+1, 3*w*h+1).Draw(t, "picture")
		n := rapid.IntRange(1, 9).Draw(t, "n")
		xs := rapid.SliceOfN(rapid.Float64Range(-2, 13), n, n).Draw(t, "xs")
		ys := rapid.SliceOfN(rapid.Float64Range(-2, 13), n, n).Draw(t, "ys")
		fast, slow := make([]float32, 3*n+1), make([]float32, 3*n+1)
		p := warp{w: w, h: h, from: picture, edges: edgeReflect}
		p.row(fast, xs, ys)
		warpRowGo(slow, picture, w, h, xs, ys)
		for i := range n {
			if !inside(xs[i], ys[i], w, h) {
				p.edge(slow[3*i:3*i+3], xs[i], ys[i])
			}
		}
		for i, v := range fast[:3*n] {
			// Compilers may fuse operations on arm64.
			if math.Abs(float64(v-slow[i])) > 1e-6 {
				t.Fatalf("C gives %v, Go %v", fast, slow)
			}
		}
		for i := range n {
			if want := p.naive(xs[i], ys[i]); math.Abs(float64(slow[3*i])-want) > 1e-6 {
				t.Fatalf("at %v, %v: %v, want %v", xs[i], ys[i], slow[3*i], want)
			}
		}
	})
}

// naive is the red of a place: every pixel counts by how near it is.
func (p *warp) naive(x, y float64) float64 {
	sum := 0.0
	for row := -4; row < 16; row++ {
		for column := -4; column < 16; column++ {
			weight := max(0, 1-math.Abs(x-float64(column))) * max(0, 1-math.Abs(y-float64(row)))
			at := p.edges.index(row, p.h)*p.w + p.edges.index(column, p.w)
			sum += weight * float64(p.from[3*at])
		}
	}
	return sum
}
