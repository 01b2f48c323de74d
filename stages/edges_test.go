package stages

import "testing"

// The edge of a dark square is a closed black line about the square, on white.
func TestEdgesOfASquare(t *testing.T) {
	in := still(40, 40)
	for i := range in.Image.Pix {
		x, y := i/3%40, i/3/40
		in.Image.Pix[i] = 220
		if x >= 12 && x < 28 && y >= 12 && y < 28 {
			in.Image.Pix[i] = 30
		}
	}
	out := apply(t, makeDefault(t, "edges"), in)[0]
	free := make([]bool, 40*40)
	black := 0
	for i := range free {
		switch v := out.Image.Pix[3*i]; v {
		case 0:
			black++
			x, y := i%40, i/40
			nearX, nearY := min(abs(x-12), abs(x-27)), min(abs(y-12), abs(y-27))
			if min(nearX, nearY) > 2 {
				t.Errorf("a line at %d, %d, far from the square's sides", x, y)
			}
		case 255:
			free[i] = true
		default:
			t.Fatalf("level %d: neither black nor white", v)
		}
	}
	if black < 40 || black > 120 {
		t.Errorf("%d black pixels for a square of 16", black)
	}
	if reachable(free, borderPixels(40, 40), 40, 40)[20*40+20] {
		t.Error("the line is not closed")
	}
	if out.Variant.Perturbation != "edges" {
		t.Errorf("variant is %v", out.Variant)
	}
}

func abs(x int) int { return max(x, -x) }

func TestEdgesOfNothing(t *testing.T) {
	in := still(16, 16)
	for i := range in.Image.Pix {
		in.Image.Pix[i] = 90
	}
	for i, v := range apply(t, makeDefault(t, "edges"), in)[0].Image.Pix {
		if v != 255 {
			t.Fatalf("byte %d is %d", i, v)
		}
	}
}

func TestEdgesRefuseALowAboveHigh(t *testing.T) {
	c := defaultsOf[edgesConfig](t, "edges")
	c.Low = c.High + 1
	_, err := tryMakeStage("edges", c)
	wantFieldError(t, err, "low")
}
