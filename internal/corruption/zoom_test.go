package corruption

import (
	"math"
	"testing"
)

// TestZoomAxisByHand: the middle 3 of 6 pixels doubled are 6, corners on
// corners, so 2/5 of a pixel apart.
func TestZoomAxisByHand(t *testing.T) {
	a := newZoomAxis(6, 2, true)
	for i, want := range []float64{1, 1.4, 1.8, 2.2, 2.6, 3} {
		got := float64(a.first[i]) + a.frac[i]*float64(a.step[i])
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("output %d is at %v, want %v", i, got, want)
		}
	}
}

func TestZoomAxisOfOne(t *testing.T) {
	for _, z := range []float64{1, 1.3, 4.5} {
		a := newZoomAxis(1, z, true)
		if len(a.first) != 1 || a.first[0] != 0 || a.step[0] != 0 {
			t.Errorf("zoom %v of one pixel is %+v, want that pixel", z, a)
		}
	}
}

// TestZoomAxisCentred: without centring the outputs begin at the first of the
// enlarged pixels, with it at the middle ones.
func TestZoomAxisCentred(t *testing.T) {
	const n, z = 101, 4.5
	length, all := zoomLengths(n, z)
	if length != 23 || all != 104 {
		t.Fatalf("%d pixels become %d, want 23 and 104", length, all)
	}
	whole, centred, corner := wholeZoom(n, z), newZoomAxis(n, z, true), newZoomAxis(n, z, false)
	for i := range n {
		if corner.first[i] != whole.first[i] || corner.frac[i] != whole.frac[i] {
			t.Errorf("output %d differs from the first of the whole", i)
		}
		if centred.first[i] != whole.first[i+1] || centred.frac[i] != whole.frac[i+1] {
			t.Errorf("output %d differs from the middle of the whole", i)
		}
	}
}

func TestZoomPlane(t *testing.T) {
	const w, h, z = 12, 7, 2.5
	src := randomPlane(w * h)
	down, across := wholeZoom(h, z), wholeZoom(w, z)
	got := make([]float64, len(down.first)*len(across.first))
	zoomPlane(got, src, w, &down, &across)
	at := func(i, n int) (int, int, float64) {
		length := int(math.Ceil(float64(n) / z))
		c := float64(i) * float64(length-1) / (math.RoundToEven(float64(length)*z) - 1)
		low := min(int(c), length-2)
		return (n-length)/2 + low, (n-length)/2 + low + 1, c - float64(low)
	}
	for i, v := range got {
		y0, y1, fy := at(i/len(across.first), h)
		x0, x1, fx := at(i%len(across.first), w)
		want := (1-fy)*((1-fx)*src[y0*w+x0]+fx*src[y0*w+x1]) + fy*((1-fx)*src[y1*w+x0]+fx*src[y1*w+x1])
		if math.Abs(v-want) > 1e-12 {
			t.Fatalf("number %d is %v, want %v", i, v, want)
		}
	}
}

func TestZoomTablesAreBounded(t *testing.T) {
	for n := 1; n <= 3*maxZoomTables; n++ {
		zoomTablesOf(zoomKey{n, 3, true}, zoomFactors[2])
	}
	if n := len(zoomTables.of); n > maxZoomTables {
		t.Errorf("%d tables are kept, want at most %d", n, maxZoomTables)
	}
}
