package corruption

import "quba/internal/imaging"

var speckleNoiseSD = [MaxSeverity]float64{.15, .2, .35, .45, .6}

var speckleNoiseTables noiseTables

func init() {
	register(Corruption{Name: "speckle_noise", Extra: true, Order: 15, Apply: speckleNoise})
}

// speckleNoise adds normal noise that is proportional to the sample.
func speckleNoise(dst, src *imaging.Image, severity int, d Draws, _ Options) error {
	sd := speckleNoiseSD[severity-1]
	if g, ok := d.(words); ok {
		speckleNoiseTables.get(severity, func(p *[256]float64, v int) {
			x := fractionOf[v]
			normalBytes(p, x, x*sd)
		}).apply(dst.Pix, src.Pix, g)
		return nil
	}
	addNormals(dst, src, d, func(x, normal float64) float64 { return x + float64(x*sd*normal) })
	return nil
}
