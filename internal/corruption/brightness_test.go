package corruption

import (
	"testing"

	"quba/internal/imaging"
)

// TestBrightnessShortCut compares a grid of colours with their way through hue,
// saturation and value.
func TestBrightnessShortCut(t *testing.T) {
	src, dst := imaging.New(256, 256), imaging.New(256, 256)
	for severity := 1; severity <= MaxSeverity; severity++ {
		for b := range 256 / 5 {
			for i := range 256 * 256 {
				copy(src.Pix[3*i:], []byte{byte(i), byte(i >> 8), byte(5 * b)})
			}
			if err := brightness(dst, src, severity, nil, Options{}); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(src.Pix); i += 3 {
				p, q := src.Pix[i:], dst.Pix[i:]
				r, g, b := lifts[severity-1].pixel(p[0], p[1], p[2])
				if q[0] != r || q[1] != g || q[2] != b {
					t.Fatalf("severity %d: %v becomes %v, want %d %d %d", severity, p[:3], q[:3], r, g, b)
				}
			}
		}
	}
}
