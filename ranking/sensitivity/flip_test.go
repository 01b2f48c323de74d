package sensitivity

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func flips(t interface {
	reporter
	Fatal(args ...any)
}, m Matrix,
) Flips {
	t.Helper()
	f, err := m.Flips()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// With three equal weights, the lead (3, 0, -1) has margin 2/3 and mean 2/3.
func TestFlipOfKnownPair(t *testing.T) {
	m := matrixOf([][]float64{{3, 0, 0}, {0, 0, 1}}, 1, 1, 1)
	f := flips(t, m).Pairs[0]
	near(t, "margin", f.Margin, 2./3, 1e-15)
	near(t, "distance", f.Distance, (2./3)/math.Sqrt(49./9+4./9+25./9), 1e-12)
	for d, want := range []float64{1./3 - 7./39, 1./3 + 2./39, 1./3 + 5./39} {
		near(t, "weight", f.Weights[d], want, 1e-12)
	}
	near(t, "moved", f.Moved, 7./39, 1e-12)
	// One weight alone: the first from 1/3 to 1/7, or the last from 1/3 to 3/5.
	want := SingleChange{"d0", 1. / 3, 1. / 7}
	if f.Single.Dimension != want.Dimension {
		t.Fatalf("got %+v, want %+v", f.Single, want)
	}
	near(t, "from", f.Single.From, want.From, 1e-15)
	near(t, "to", f.Single.To, want.To, 1e-15)
	if text := "m0 (rank 1) and m1 (rank 2) swap when the weight of d0 goes from 0.333 to beyond 0.143 of the whole"; f.Text != text {
		t.Errorf("got %q, want %q", f.Text, text)
	}
}

// Without the bound, the second weight would become negative.
func TestFlipKeepsWeightsAboveZero(t *testing.T) {
	m := matrixOf([][]float64{{2, 2, 0}, {0, 0, 1}}, 0.9, 0.01, 0.09)
	f := flips(t, m).Pairs[0]
	for d, want := range []float64{1. / 3, 0, 2. / 3} {
		near(t, "weight", f.Weights[d], want, 1e-12)
	}
}

func TestFlipIsTheNearestTie(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := drawMatrix(rt, 2)
		for _, f := range flips(rt, m).Pairs {
			l := m.lead(f.UpperRow, f.LowerRow)
			if possible := slices.Min(l) < 0; possible != f.Possible {
				rt.Fatalf("possible %v, lead %v", f.Possible, l)
			}
			if f.Possible {
				checkNearest(rt, m, f, l)
				checkSingle(rt, m, f, l)
			}
		}
	})
}

// checkNearest proves that the flip is the projection of the weights on the
// ties: x is, exactly when (w - x)·(v - x) <= 0 for every corner v of them.
func checkNearest(rt *rapid.T, m Matrix, f Flip, l []float64) {
	x := f.Weights
	total := 0.0
	for _, v := range x {
		if v < 0 {
			rt.Fatalf("weights %v", x)
		}
		total += v
	}
	near(rt, "sum", total, 1, 1e-9)
	near(rt, "lead at the flip", dot(x, l), 0, 1e-9)
	near(rt, "distance", f.Distance*f.Distance, squaredDistance(m.Weights, x), 1e-12)
	for _, corner := range ties(l) {
		product := 0.0
		for d := range x {
			product += (m.Weights[d] - x[d]) * (corner[d] - x[d])
		}
		if product > 1e-8 {
			rt.Fatalf("weights %v, lead %v: %v is not nearest, seen from corner %v: %v", m.Weights, l, x, corner, product)
		}
	}
	beyond := slices.Clone(x)
	worst := slices.Index(l, slices.Min(l))
	for d := range beyond {
		beyond[d] *= 0.99
	}
	beyond[worst] += 0.01
	if l[worst] < -1e-5 && dot(beyond, l) >= 0 {
		rt.Fatalf("beyond the flip the upper model still leads by %v", dot(beyond, l))
	}
}

// ties are the corners of {x >= 0, sum x = 1, x·l = 0}.
func ties(l []float64) [][]float64 {
	var corners [][]float64
	for a := range l {
		for b := range l {
			corner := make([]float64, len(l))
			switch {
			case a == b && l[a] == 0:
				corner[a] = 1
			case l[a] > 0 && l[b] < 0:
				corner[a], corner[b] = -l[b]/(l[a]-l[b]), l[a]/(l[a]-l[b])
			default:
				continue
			}
			corners = append(corners, corner)
		}
	}
	return corners
}

// checkSingle sets one weight to its share, and looks for a smaller change.
func checkSingle(rt *rapid.T, m Matrix, f Flip, l []float64) {
	leadAt := func(d int, share float64) float64 {
		w := slices.Clone(m.Weights)
		for k := range w {
			w[k] *= (1 - share) / (1 - m.Weights[d])
		}
		w[d] = share
		return dot(w, l)
	}
	d := slices.Index(m.Dimensions, f.Single.Dimension)
	near(rt, "lead after the single change", leadAt(d, f.Single.To), 0, 1e-9)
	smaller := 0.999 * math.Abs(f.Single.To-f.Single.From)
	for d, from := range m.Weights {
		for _, share := range []float64{max(0, from-smaller), min(1, from+smaller)} {
			if leadAt(d, share) < -1e-9 {
				rt.Fatalf("%s from %v to %v swaps, too: less than %+v", m.Dimensions[d], from, share, f.Single)
			}
		}
	}
}

func TestFlipsOnPublishedRows(t *testing.T) {
	m := published(t)
	f := flips(t, m)
	if len(f.Pairs) != 325 || f.Weakest == nil {
		t.Fatalf("%d pairs, weakest %+v", len(f.Pairs), f.Weakest)
	}
	for _, p := range f.Pairs {
		if !p.Possible {
			continue
		}
		near(t, p.Text, dot(p.Weights, m.lead(p.UpperRow, p.LowerRow)), 0, 1e-12)
		if p.Distance < f.Weakest.Distance {
			t.Errorf("%s is weaker than %s", p.Text, f.Weakest.Text)
		}
	}
	t.Log(f.Pairs[0].Text)
	t.Log(f.Weakest.Text)
}

// Standardised scores that are equal in exact arithmetic may differ by rounding.
func TestRoundingIsNoLead(t *testing.T) {
	f := flips(t, matrixOf([][]float64{{1, 1e-17}, {0, 2e-17}}, 1, 1)).Pairs[0]
	if f.Possible {
		t.Errorf("got %+v", f)
	}
}

func TestNoWeightsSwapADominatedModel(t *testing.T) {
	f := flips(t, matrixOf([][]float64{{1, 1}, {1, 0}}, 1, 1))
	if f.Weakest != nil || f.Pairs[0].Possible || !strings.Contains(f.Pairs[0].Text, "no weights swap them") {
		t.Errorf("got %+v", f)
	}
}

func TestSharesAreToldApart(t *testing.T) {
	for want, c := range map[[2]string][2]float64{
		{"0.083", "0.110"}: {0.0833, 0.11}, {"0.08330", "0.08331"}: {0.0833, 0.08331},
		{"0.500000000000", "0.500000000000"}: {0.5, 0.5 + 1e-15},
	} {
		a, b := distinct(c[0], c[1])
		if a != want[0] || b != want[1] {
			t.Errorf("got %s and %s, want %v", a, b, want)
		}
	}
}

func TestTiedModelsNeedNoChange(t *testing.T) {
	f := flips(t, matrixOf([][]float64{{1, 0}, {0, 1}}, 1, 1)).Pairs[0]
	near(t, "distance", f.Distance, 0, 1e-15)
	if !strings.Contains(f.Text, "tied at rank 1") {
		t.Errorf("got %q", f.Text)
	}
}
