package corruption

import (
	"math"
	"testing"

	"quba/internal/imaging"
)

// TestNoiseTables compares the drawn values of one grey level with those that
// come from normals, Poisson numbers and salt: the chi-squared statistic of
// two samples, per degree of freedom.
func TestNoiseTables(t *testing.T) {
	for _, name := range []string{"gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"} {
		c := named(t, name)
		t.Run(name, func(t *testing.T) {
			for _, level := range []byte{0, 1, 37, 128, 254, 255} {
				for severity := 1; severity <= MaxSeverity; severity++ {
					testNoise(t, c, level, severity)
				}
			}
		})
	}
}

// withoutWords hides the fast path of real draws.
type withoutWords struct{ Draws }

func testNoise(t *testing.T, c Corruption, level byte, severity int) {
	t.Helper()
	grey := imaging.New(400, 100)
	for i := range grey.Pix {
		grey.Pix[i] = level
	}
	fast, direct := histogram(t, c, grey, severity, seeded(5)), histogram(t, c, grey, severity, withoutWords{seeded(6)})
	chi, degrees := 0.0, -1.0
	for v := range fast {
		if n := fast[v] + direct[v]; n >= 20 {
			chi += (fast[v] - direct[v]) * (fast[v] - direct[v]) / n
			degrees++
		} else if n > 0 && fast[v]*direct[v] == 0 && n > 15 {
			t.Errorf("level %d severity %d: %v times fast, %v times direct %d", level, severity, fast[v], direct[v], v)
		}
	}
	if limit := degrees + 5*math.Sqrt(2*max(degrees, 1)); chi > limit {
		t.Errorf("level %d severity %d: chi-squared %.1f, at most %.1f", level, severity, chi, limit)
	}
}

func histogram(t *testing.T, c Corruption, grey *imaging.Image, severity int, d Draws) (counts [256]float64) {
	t.Helper()
	m, err := c.Corrupt(grey, severity, d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range m.Pix {
		counts[v]++
	}
	return counts
}
