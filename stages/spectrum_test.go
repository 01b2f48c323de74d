package stages

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"quba/pipeline/pipelinetest"
)

func maxDifference(a, b plane) float64 {
	worst := 0.0
	for i, v := range a.v {
		worst = max(worst, math.Abs(v-b.v[i]))
	}
	return worst
}

func TestTransformAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 20).Draw(t, "w"), rapid.IntRange(1, 20).Draw(t, "h")
		p := greyOf(pipelinetest.Picture(w, h, rapid.Uint64().Draw(t, "seed")))
		s := p.transform()
		if d := maxDifference(s.inverse(), p); d > 1e-12 {
			t.Fatalf("differs by %g", d)
		}
		if d := math.Abs(real(s.c[0])/float64(w*h) - p.mean()); d > 1e-12 {
			t.Fatalf("the mean is off by %g", d)
		}
	})
}

// A wave of one frequency has one term, in the row and column of its cycles.
func TestTransformOfAWave(t *testing.T) {
	p := newPlane(16, 12)
	for i := range p.v {
		p.v[i] = math.Cos(2 * math.Pi * (3*float64(i%16)/16 + 2*float64(i/16)/12))
	}
	s := p.transform()
	for i, c := range s.c {
		want := 0.0
		if i == 2*s.columns()+3 {
			want = 16 * 12 / 2
		}
		if math.Abs(real(c)-want) > 1e-9 || math.Abs(imag(c)) > 1e-9 {
			t.Errorf("row %d, column %d: %v, want %g", i/s.columns(), i%s.columns(), c, want)
		}
	}
}
