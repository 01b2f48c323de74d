package stages

import "quba/internal/imaging"

func init() { registerStylizer("histogram", stylizeHistogram) }

// stylizeHistogram maps the levels of each channel so that their distribution
// becomes the style's: a level goes to the first whose cumulative share in the
// style is at least its own (Gonzalez and Woods, histogram specification).
func stylizeHistogram(content, style *imaging.Image, _ stylizeConfig) *imaging.Image {
	out := imaging.New(content.W, content.H)
	for c := range 3 {
		to := histogramMap(cumulative(content, c), cumulative(style, c))
		for i := c; i < len(out.Pix); i += 3 {
			out.Pix[i] = to[content.Pix[i]]
		}
	}
	return out
}

// cumulative counts the pixels of a channel up to each level.
func cumulative(m *imaging.Image, channel int) (count [256]int) {
	for i := channel; i < len(m.Pix); i += 3 {
		count[m.Pix[i]]++
	}
	for v := 1; v < len(count); v++ {
		count[v] += count[v-1]
	}
	return count
}

// histogramMap takes cumulative counts over the same number of pixels.
func histogramMap(content, style [256]int) (to [256]byte) {
	target := 0
	for v, count := range content {
		for target < 255 && style[target] < count {
			target++
		}
		to[v] = byte(target)
	}
	return to
}
