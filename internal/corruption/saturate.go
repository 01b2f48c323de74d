package corruption

import "quba/internal/imaging"

var saturateSteps = [MaxSeverity]struct{ factor, rise float64 }{{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {20, .2}}

func init() {
	register(Corruption{Name: "saturate", Extra: true, Order: 18, Apply: saturate})
}

// saturate scales and raises the saturation. Greys have hue 0, so where it
// rises they turn red, as in the reference.
func saturate(dst, src *imaging.Image, severity int, _ Draws, _ Options) error {
	step := saturateSteps[severity-1]
	for i := 0; i < len(src.Pix); i += 3 {
		from, to := src.Pix[i:i+3:i+3], dst.Pix[i:i+3:i+3]
		h, s, v := toHSV(fractionOf[from[0]], fractionOf[from[1]], fractionOf[from[2]])
		s = min(max(float64(s*step.factor)+step.rise, 0), 1)
		r, g, b := fromHSV(h, s, v)
		to[0], to[1], to[2] = levelOf(r), levelOf(g), levelOf(b)
	}
	return nil
}
