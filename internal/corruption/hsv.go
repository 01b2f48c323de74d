package corruption

import "math"

// toHSV converts a colour of 0..1 to hue, saturation and value, all 0..1, with
// the operations and their order of skimage.color.rgb2hsv.
func toHSV(r, g, b float64) (h, s, v float64) {
	v = max(r, g, b)
	d := v - min(r, g, b)
	if d == 0 {
		return 0, 0, v
	}
	switch v { // the later of equal channels decides
	case b:
		h = 4 + (r-g)/d
	case g:
		h = 2 + (b-r)/d
	default:
		h = (g - b) / d
	}
	if h /= 6; h < 0 {
		h++
	}
	return h, d / v, v
}

// fromHSV is the inverse, as skimage.color.hsv2rgb. The conversions keep
// products from being fused with sums, which would round differently.
func fromHSV(h, s, v float64) (r, g, b float64) {
	h = float64(h * 6)
	sector := math.Floor(h)
	f := h - sector
	p := v * (1 - s)
	q := v * (1 - float64(f*s))
	t := v * (1 - float64((1-f)*s))
	switch int(sector) % 6 {
	case 0:
		return v, t, p
	case 1:
		return q, v, p
	case 2:
		return p, v, t
	case 3:
		return p, q, v
	case 4:
		return t, p, v
	}
	return v, p, q
}
