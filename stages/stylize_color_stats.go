package stages

import (
	"math"
	"sync"

	"quba/internal/imaging"
)

func init() { registerStylizer("color_stats", stylizeColorStats) }

// stylizeColorStats gives each axis of CIE L*a*b* (D65) the style's mean and
// standard deviation, after Reinhard et al. (2001), who used the l-alpha-beta
// space. An axis without deviation keeps none.
func stylizeColorStats(content, style *imaging.Image, _ stylizeConfig) *imaging.Image {
	lab, look := labOf(content), labOf(style)
	for axis := range lab {
		mean, deviation := meanAndDeviation(lab[axis])
		styleMean, styleDeviation := meanAndDeviation(look[axis])
		scale := 0.0
		if deviation > 0 {
			scale = styleDeviation / deviation
		}
		for i, v := range lab[axis] {
			lab[axis][i] = (v-mean)*scale + styleMean
		}
	}
	return imageOfLab(lab, content.W, content.H)
}

func meanAndDeviation(v []float64) (mean, deviation float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		deviation += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(v)))
}

// The XYZ of white (D65, 2 degrees).
var whitePoint = [3]float64{0.95047, 1, 1.08883}

// The matrices of IEC 61966-2-1 from linear sRGB to XYZ, and back.
var (
	toXYZ = [3][3]float64{
		{0.4124564, 0.3575761, 0.1804375},
		{0.2126729, 0.7151522, 0.0721750},
		{0.0193339, 0.1191920, 0.9503041},
	}
	fromXYZ = [3][3]float64{
		{3.2404542, -1.5371385, -0.4985314},
		{-0.9692660, 1.8760108, 0.0415560},
		{0.0556434, -0.2040259, 1.0572252},
	}
)

func times(m [3][3]float64, v [3]float64) (out [3]float64) {
	for i, row := range m {
		out[i] = row[0]*v[0] + row[1]*v[1] + row[2]*v[2]
	}
	return out
}

// labOf gives L* (0..100), a* and b* of an sRGB image.
func labOf(m *imaging.Image) (lab [3][]float64) {
	for axis := range lab {
		lab[axis] = make([]float64, m.W*m.H)
	}
	var linear [256]float64
	for v := range linear {
		linear[v] = linearLight(float64(v) / 255)
	}
	for i := range lab[0] {
		rgb := m.Pix[3*i : 3*i+3]
		xyz := times(toXYZ, [3]float64{linear[rgb[0]], linear[rgb[1]], linear[rgb[2]]})
		for k := range xyz {
			xyz[k] = labCurve(xyz[k] / whitePoint[k])
		}
		lab[0][i] = 116*xyz[1] - 16
		lab[1][i] = 500 * (xyz[0] - xyz[1])
		lab[2][i] = 200 * (xyz[1] - xyz[2])
	}
	return lab
}

// imageOfLab clips colours that sRGB does not have.
func imageOfLab(lab [3][]float64, w, h int) *imaging.Image {
	out := imaging.New(w, h)
	curve := levelCurve()
	for i := range lab[0] {
		y := (lab[0][i] + 16) / 116
		xyz := [3]float64{y + lab[1][i]/500, y, y - lab[2][i]/200}
		for k := range xyz {
			xyz[k] = whitePoint[k] * labCurveInverse(xyz[k])
		}
		for k, v := range times(fromXYZ, xyz) {
			out.Pix[3*i+k] = curve.level(v)
		}
	}
	return out
}

func linearLight(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// lightLevels finds the sRGB level of linear light without a power: from[b] is
// the least light that rounds to level b, and first[n] the level of n/1024.
type lightLevels struct {
	from  [256]float64
	first [1024]byte
}

var levelCurve = sync.OnceValue(func() *lightLevels {
	c := &lightLevels{}
	for b := 1; b < len(c.from); b++ {
		c.from[b] = linearLight((float64(b) - 0.5) / 255)
	}
	for n := range c.first {
		c.first[n] = c.above(float64(n)/float64(len(c.first)), 0)
	}
	return c
})

// above is the level of v, which is b or higher.
func (c *lightLevels) above(v float64, b byte) byte {
	for b < 255 && v >= c.from[b+1] {
		b++
	}
	return b
}

// level clips to the range of sRGB.
func (c *lightLevels) level(v float64) byte {
	switch {
	case v >= 1:
		return 255
	case v > 0:
		return c.above(v, c.first[int(v*float64(len(c.first)))])
	}
	return 0
}

// labDelta is where the cube root of CIELAB becomes a line.
const labDelta = 6.0 / 29

func labCurve(t float64) float64 {
	if t > labDelta*labDelta*labDelta {
		return math.Cbrt(t)
	}
	return t/(3*labDelta*labDelta) + 4.0/29
}

func labCurveInverse(t float64) float64 {
	if t > labDelta {
		return t * t * t
	}
	return 3 * labDelta * labDelta * (t - 4.0/29)
}
