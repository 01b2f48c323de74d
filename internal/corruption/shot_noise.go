package corruption

import (
	"math"

	"quba/internal/imaging"
)

// shotNoisePhotons is the number of photons that make white.
var shotNoisePhotons = [MaxSeverity]float64{60, 25, 12, 5, 3}

var shotNoiseTables noiseTables

func init() {
	register(Corruption{Name: "shot_noise", Order: 1, Apply: shotNoise})
}

// shotNoise replaces every sample by a Poisson count of photons.
func shotNoise(dst, src *imaging.Image, severity int, d Draws, _ Options) error {
	white := shotNoisePhotons[severity-1]
	if g, ok := d.(words); ok {
		shotNoiseTables.get(severity, func(p *[256]float64, v int) {
			poissonBytes(p, fractionOf[v]*white, white)
		}).apply(dst.Pix, src.Pix, g)
		return nil
	}
	rates, counts := make([]float64, 3*src.W), make([]uint16, 3*src.W)
	for y := range src.H {
		from := src.Pix[3*src.W*y:]
		to := dst.Pix[3*src.W*y:]
		for i := range rates {
			rates[i] = fractionOf[from[i]] * white
		}
		d.Counts(counts, rates)
		for i, n := range counts {
			to[i] = levelOf(float64(n) / white)
		}
	}
	return nil
}

// poissonBytes adds to p the probabilities of the bytes that counts of the
// given rate make.
func poissonBytes(p *[256]float64, rate, white float64) {
	rest := 1.0
	probability := math.Exp(-rate)
	for n := 0.0; n < white; n++ {
		p[levelOf(n/white)] += probability
		rest -= probability
		probability *= rate / (n + 1)
	}
	p[255] += max(rest, 0)
}
