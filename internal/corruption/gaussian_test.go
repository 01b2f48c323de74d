package corruption

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// mirrored walks from 0 to i one step at a time, turning at the borders.
func mirrored(i, n int, repeatEdge bool) int {
	at, step := 0, 1
	if i < 0 {
		step = -1
	}
	for range abs(i) {
		next := at + step
		if next >= 0 && next < n {
			at = next
			continue
		}
		step = -step
		if !repeatEdge && n > 1 {
			at += step
		}
	}
	return at
}

func TestEdgeModes(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for i := -30; i <= 30; i++ {
			if got, want := edgeReflect.index(i, n), mirrored(i, n, true); got != want {
				t.Errorf("reflect %d of %d: got %d, want %d", i, n, got, want)
			}
			if got, want := edgeReflect101.index(i, n), mirrored(i, n, false); got != want {
				t.Errorf("reflect-101 %d of %d: got %d, want %d", i, n, got, want)
			}
			if got, want := edgeNearest.index(i, n), max(0, min(i, n-1)); got != want {
				t.Errorf("nearest %d of %d: got %d, want %d", i, n, got, want)
			}
		}
	}
}

// naiveGaussian is the two-dimensional sum of the definition.
func naiveGaussian(src []float64, w, h int, sigma, truncate float64, mode edgeMode) []float64 {
	r := int(truncate*sigma + 0.5)
	out := make([]float64, w*h)
	for i := range out {
		sum, weights := 0.0, 0.0
		for dy := -r; dy <= r; dy++ {
			for dx := -r; dx <= r; dx++ {
				k := math.Exp(-float64(dx*dx+dy*dy) / (2 * sigma * sigma))
				sum += k * src[mode.index(i/w+dy, h)*w+mode.index(i%w+dx, w)]
				weights += k
			}
		}
		out[i] = sum / weights
	}
	return out
}

func randomPlane(n int) []float64 {
	r := rand.New(rand.NewPCG(3, uint64(n)))
	p := make([]float64, n)
	for i := range p {
		p[i] = r.Float64()
	}
	return p
}

func TestGaussianPlane(t *testing.T) {
	for _, c := range []struct {
		w, h            int
		sigma, truncate float64
		mode            edgeMode
	}{
		{1, 1, 2, 4, edgeNearest},
		{9, 5, 1, 4, edgeNearest},
		{40, 3, 1.5, 4, edgeReflect},
		{3, 40, 4, 3, edgeReflect},
		{7, 6, 9, 3, edgeReflect},
		{33, 20, 0.7, 3, edgeReflect101},
		{5, 4, 0.01, 3, edgeReflect},
	} {
		src := randomPlane(c.w * c.h)
		want := naiveGaussian(src, c.w, c.h, c.sigma, c.truncate, c.mode)
		got := make([]float64, len(src))
		gaussianPlane(got, src, c.w, c.h, c.sigma, c.truncate, c.mode)
		gaussianPlane(src, src, c.w, c.h, c.sigma, c.truncate, c.mode)
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-13 {
				t.Fatalf("%+v: number %d is %v, want %v", c, i, got[i], want[i])
			}
			if src[i] != got[i] {
				t.Fatalf("%+v: in place number %d is %v, want %v", c, i, src[i], got[i])
			}
		}
	}
}

func TestGaussianPlane32RoundsEachPass(t *testing.T) {
	const w, h, sigma = 37, 11, 1.2
	wide := randomPlane(w * h)
	src, got := make([]float32, w*h), make([]float32, w*h)
	for i, v := range wide {
		src[i] = float32(v)
		wide[i] = float64(src[i])
	}
	gaussianPlane32(got, src, w, h, sigma, 4, edgeNearest)
	want := naiveGaussian(wide, w, h, sigma, 4, edgeNearest)
	differ := false
	for i := range want {
		if math.Abs(float64(got[i])-want[i]) > 2e-7 {
			t.Fatalf("number %d is %v, want %v", i, got[i], want[i])
		}
		differ = differ || got[i] != float32(want[i])
	}
	if !differ {
		t.Error("no number shows that the first pass was rounded")
	}
}

// TestSums compares the loops of this build with those in Go.
func TestSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 70).Draw(t, "n")
		taps := rapid.IntRange(1, 7).Draw(t, "taps")
		src := randomPlane(n + 50)
		at, places, k := make([]pair, taps), make([]int32, taps), randomPlane(taps)
		for j := range at {
			at[j] = pair{rapid.Int32Range(0, 50).Draw(t, "a"), rapid.Int32Range(0, 50).Draw(t, "b")}
			places[j] = at[j].a
		}
		for x, v := range sumOf(n, func(out []float64) { fastest.pairs(out, src, at, k) }) {
			want := 0.0
			for j, p := range at {
				want += k[j] * (src[int(p.a)+x] + src[int(p.b)+x])
			}
			if math.Abs(v-want) > 1e-14*float64(taps) {
				t.Fatalf("pairs: %d is %v, want %v", x, v, want)
			}
		}
		for x, v := range sumOf(n, func(out []float64) { fastest.taps(out, src, places, k) }) {
			want := 0.0
			for j, p := range places {
				want += k[j] * src[int(p)+x]
			}
			if math.Abs(v-want) > 1e-14*float64(taps) {
				t.Fatalf("taps: %d is %v, want %v", x, v, want)
			}
		}
	})
}

func sumOf(n int, sum func([]float64)) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	sum(out)
	return out
}

// TestGoSums runs the tests of the blurs' inner loops on those in Go.
func TestGoSums(t *testing.T) {
	kept := fastest
	defer func() { fastest = kept }()
	fastest = goSums{}
	t.Run("sums", TestSums)
	t.Run("plane", TestGaussianPlane)
	t.Run("zoom", TestZoomBlurSizes)
	t.Run("motion", TestCometBlur)
}
