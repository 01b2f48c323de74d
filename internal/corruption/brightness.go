package corruption

import "quba/internal/imaging"

var brightnessRise = [MaxSeverity]float64{.1, .2, .3, .4, .5}

func init() {
	register(Corruption{Name: "brightness", Order: 10, Apply: brightness})
}

// brightness raises the value of hue, saturation and value. That scales a pixel
// so that its greatest sample becomes the raised one. Where the scaled sample
// is so close to a whole level that rounding errors decide, the pixel takes the
// reference's way through hue and saturation.
func brightness(dst, src *imaging.Image, severity int, _ Draws, _ Options) error {
	l := &lifts[severity-1]
	for i := 0; i < len(src.Pix); i += 3 {
		from, to := src.Pix[i:i+3:i+3], dst.Pix[i:i+3:i+3]
		greatest := max(from[0], from[1], from[2])
		r, sureR := l.sample(from[0], greatest)
		g, sureG := l.sample(from[1], greatest)
		b, sureB := l.sample(from[2], greatest)
		if !(sureR && sureG && sureB) {
			r, g, b = l.pixel(from[0], from[1], from[2])
		}
		to[0], to[1], to[2] = r, g, b
	}
	return nil
}

// lift is one severity of brightness.
type lift struct {
	rise float64
	// raised are the levels of value, and scale what they multiply a pixel by.
	raised [256]byte
	scale  [256]float64
}

var lifts = func() (l [MaxSeverity]lift) {
	for s, rise := range brightnessRise {
		l[s].rise = rise
		for v := range 256 {
			value := min(fractionOf[v]+rise, 1)
			l[s].raised[v] = levelOf(value)
			l[s].scale[v] = 255 * value / max(float64(v), 1)
		}
	}
	return l
}()

// sample scales a sample of a pixel, and reports whether the result is sure.
func (l *lift) sample(v, greatest byte) (level byte, sure bool) {
	const close = 1e-9 // far more than the rounding errors of either way
	exact := float64(v) * l.scale[greatest]
	whole := int64(exact)
	if rest := exact - float64(whole); rest > close && rest < 1-close {
		return byte(whole), true
	}
	if v == greatest {
		return l.raised[v], true
	}
	return 0, v == 0
}

// pixel is the reference's way.
func (l *lift) pixel(r, g, b byte) (byte, byte, byte) {
	h, s, v := toHSV(fractionOf[r], fractionOf[g], fractionOf[b])
	x, y, z := fromHSV(h, s, min(v+l.rise, 1))
	return levelOf(x), levelOf(y), levelOf(z)
}
