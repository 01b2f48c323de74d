package corruption

import (
	"math"

	"quba/internal/imaging"
)

var gaussianNoiseSD = [MaxSeverity]float64{.08, .12, .18, .26, .38}

var gaussianNoiseTables noiseTables

func init() {
	register(Corruption{Name: "gaussian_noise", Order: 0, Apply: gaussianNoise})
}

// gaussianNoise adds normal noise to every sample.
func gaussianNoise(dst, src *imaging.Image, severity int, d Draws, _ Options) error {
	sd := gaussianNoiseSD[severity-1]
	if g, ok := d.(words); ok {
		gaussianNoiseTables.get(severity, func(p *[256]float64, v int) {
			normalBytes(p, fractionOf[v], sd)
		}).apply(dst.Pix, src.Pix, g)
		return nil
	}
	addNormals(dst, src, d, func(x, normal float64) float64 { return x + float64(sd*normal) })
	return nil
}

// addNormals computes every sample from its value in 0..1 and a normal.
func addNormals(dst, src *imaging.Image, d Draws, noisy func(x, normal float64) float64) {
	normals := make([]float64, 3*src.W)
	for y := range src.H {
		d.Normals(normals)
		from := src.Pix[3*src.W*y:]
		to := dst.Pix[3*src.W*y:]
		for i, n := range normals {
			to[i] = levelOf(noisy(fractionOf[from[i]], n))
		}
	}
}

// normalBytes adds to p the probabilities of levelOf of a normal number.
func normalBytes(p *[256]float64, mean, sd float64) {
	if sd == 0 {
		p[levelOf(mean)]++
		return
	}
	last := 0.0
	for k := range 255 {
		below := math.Erfc((mean-float64(k+1)/255)/(sd*math.Sqrt2)) / 2
		p[k] = below - last
		last = below
	}
	p[255] = 1 - last
}
