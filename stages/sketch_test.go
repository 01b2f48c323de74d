package stages

import (
	"math"
	"testing"
)

func sketchDefault(t *testing.T, method string) sketchConfig {
	c := defaultsOf[sketchConfig](t, "sketch")
	c.Method = method
	return c
}

// step is dark on the left half and bright on the right.
func step(w, h int, dark, bright float64) plane {
	p := newPlane(w, h)
	for i := range p.v {
		p.v[i] = dark
		if i%w >= w/2 {
			p.v[i] = bright
		}
	}
	return p
}

// Parts without change become white with dodge, however dark they are, and
// the dark side of an edge a line that fades away from it.
func TestDodge(t *testing.T) {
	out := step(60, 4, 0.3, 0.9).dodge(3)
	if v := out.v[2]; math.Abs(v-1) > 1e-3 {
		t.Errorf("far from the edge it is %g, not white", v)
	}
	if v := out.v[50]; v < 1-1e-3 {
		t.Errorf("the bright side is %g, not white", v)
	}
	// Half a pixel beside the edge the blur is 0.3 + 0.6 Phi(-0.5/3).
	want := 0.3 / (0.3 + 0.6*0.5*math.Erfc(0.5/3/math.Sqrt2))
	if v := out.v[29]; math.Abs(v-want) > 0.01 {
		t.Errorf("beside the edge it is %g, want %g", v, want)
	}
}

// Where nothing changes, xdog is the soft threshold of the grey itself.
func TestXDoGOfFlatParts(t *testing.T) {
	c := sketchDefault(t, "xdog")
	c.Sigma, c.Threshold = 1, 0.5
	for grey, want := range map[float64]float64{0.8: 1, 0.5: 1, 0.4: 1 + math.Tanh(-1), 0: 1 + math.Tanh(-5)} {
		p := newPlane(9, 9)
		for i := range p.v {
			p.v[i] = grey
		}
		if v := p.xdog(c).v[40]; math.Abs(v-want) > 1e-9 {
			t.Errorf("grey %g becomes %g, want %g", grey, v, want)
		}
	}
}

// An edge among bright parts is a black line on its dark side.
func TestXDoGDrawsALine(t *testing.T) {
	c := sketchDefault(t, "xdog")
	c.Sigma, c.Threshold = 1, 0.5
	out := step(40, 4, 0.6, 0.9).xdog(c)
	if out.v[2] != 1 || out.v[37] != 1 {
		t.Errorf("flat parts are %g and %g, not white", out.v[2], out.v[37])
	}
	if out.v[19] > 0.1 || out.v[20] != 1 {
		t.Errorf("the sides of the edge are %g and %g, want black and white", out.v[19], out.v[20])
	}
}

func TestSketchNamesItsMethod(t *testing.T) {
	for _, method := range []string{"xdog", "dodge"} {
		out := apply(t, makeStage(t, "sketch", sketchDefault(t, method)), still(20, 20))[0]
		if out.Variant.Perturbation != "sketch_"+method {
			t.Errorf("variant is %v", out.Variant)
		}
		if usualSigma[method] == 0 {
			t.Errorf("%s has no usual sigma", method)
		}
	}
}
