package corruption

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"quba/internal/imaging"
)

// meanSD is a mean and a standard deviation over seeds.
type meanSD [2]float64

// goldenStatistics describe what the reference makes of an input over seeds.
type goldenStatistics struct {
	Corruption, Input string
	Severity, Seeds   int

	MeanR      meanSD `json:"mean_r"`
	MeanG      meanSD `json:"mean_g"`
	MeanB      meanSD `json:"mean_b"`
	StdR       meanSD `json:"std_r"`
	StdG       meanSD `json:"std_g"`
	StdB       meanSD `json:"std_b"`
	PSNR       meanSD `json:"psnr"`
	MAD        meanSD `json:"mad"`
	GradEnergy meanSD `json:"grad_energy"`
}

var statisticNames = [...]string{
	"mean_r", "mean_g", "mean_b", "std_r", "std_g", "std_b", "psnr", "mad", "grad_energy",
}

func (s goldenStatistics) all() [len(statisticNames)]meanSD {
	return [...]meanSD{s.MeanR, s.MeanG, s.MeanB, s.StdR, s.StdG, s.StdB, s.PSNR, s.MAD, s.GradEnergy}
}

// measure computes the statistics of one corrupted image.
func measure(clean, m *imaging.Image) (s [len(statisticNames)]float64) {
	n := float64(m.W * m.H)
	var squares [3]float64
	var apart, apartSquares float64
	luma := make([]float64, m.W*m.H)
	for i, b := range m.Pix {
		v, d := float64(b), float64(b)-float64(clean.Pix[i])
		s[i%3] += v / n
		squares[i%3] += v * v / n
		apart += math.Abs(d)
		apartSquares += d * d
		luma[i/3] += [...]float64{.299, .587, .114}[i%3] * v
	}
	for c := range 3 {
		s[3+c] = math.Sqrt(squares[c] - s[c]*s[c])
	}
	s[6] = 10 * math.Log10(255*255/(apartSquares/(3*n)))
	s[7] = apart / (3 * n)
	s[8] = gradientEnergy(luma, m.W, m.H)
	return s
}

// gradientEnergy is the mean of the mean absolute differences of neighbours
// along rows and along columns.
func gradientEnergy(luma []float64, w, h int) float64 {
	var across, down float64
	for y := range h {
		for x := range w {
			if x > 0 {
				across += math.Abs(luma[y*w+x] - luma[y*w+x-1])
			}
			if y > 0 {
				down += math.Abs(luma[y*w+x] - luma[(y-1)*w+x])
			}
		}
	}
	return (across/float64(h*(w-1)) + down/float64(w*(h-1))) / 2
}

// TestStatistics compares draws of our own with the reference's over seeds.
func TestStatistics(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of images")
	}
	g := loadGolden(t, photographGolden)
	for _, want := range g.Statistics {
		c := named(t, want.Corruption)
		t.Run(fmt.Sprintf("%s/%s/%d", c.Name, want.Input, want.Severity), func(t *testing.T) { testStatistics(t, g, c, want) })
	}
}

func testStatistics(t *testing.T, g *golden, c Corruption, want goldenStatistics) {
	const seeds = 20
	clean := g.input(t, want.Input)
	var sums [len(statisticNames)]float64
	for seed := range uint64(seeds) {
		m, err := c.Corrupt(clean, want.Severity, NewDraws(rand.New(rand.NewPCG(seed, 4))), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range measure(clean, m) {
			sums[i] += v
		}
	}
	for i, ref := range want.all() {
		tol := 4*ref[1]*math.Sqrt(1/float64(want.Seeds)+1./seeds) + 0.1
		if c.Name == "frost" {
			tol = ref[1] // without the original textures only the strength is alike
		}
		if got := sums[i] / seeds; math.Abs(got-ref[0]) > tol {
			t.Errorf("%s %.3f, want %.3f within %.3f", statisticNames[i], got, ref[0], tol)
		}
	}
}
