package attack

import "math"

// confine moves a value into the ball around c and then into 0..1. It rounds
// as torchattacks does, which projects the change and not the value.
func confine(v, c, radius float32) float32 {
	return unit(c + min(max(v-c, -radius), radius))
}

func unit(v float32) float32 { return min(max(v, 0), 1) }

// sign of 0 is 0: what has no influence stays as it is.
func sign(v float32) float32 {
	if v == 0 {
		return 0
	}
	return float32(math.Copysign(1, float64(v))) // signs are too random for a branch
}

// startInCube moves x to random places in the ball of the maximum norm.
func (b *batch) startInCube() {
	b.each(func(i int) {
		r, x := b.rands[i], b.image(b.x, i)
		for j, c := range b.image(b.clean, i) {
			x[j] = unit(c + float32(b.radius*(2*r.Float32()-1)))
		}
	})
}

// quantize rounds x to multiples of 1/255 in the ball of the maximum norm
// around clean.
func quantize(x, clean []float32, radius float32) {
	// Values on the grid, and radii, are off by the rounding of float32.
	const slack = 1e-4
	reach := 255 * float64(radius)
	for j, v := range x {
		c := 255 * float64(clean[j])
		lowest, highest := math.Ceil(c-reach-slack), math.Floor(c+reach+slack)
		level := min(max(math.Round(255*float64(v)), lowest, 0), highest, 255)
		x[j] = float32(level) / 255
	}
}
