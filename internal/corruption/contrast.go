package corruption

import "quba/internal/imaging"

var contrastShare = [MaxSeverity]float64{.4, .3, .2, .1, .05}

func init() {
	register(Corruption{Name: "contrast", Order: 11, Apply: contrast})
}

// contrast draws every channel towards its mean.
func contrast(dst, src *imaging.Image, severity int, _ Draws, _ Options) error {
	share := contrastShare[severity-1]
	var tables [3][256]byte
	for c, mean := range channelMeans(src) {
		for v := range tables[c] {
			tables[c][v] = levelOf(float64((fractionOf[v]-mean)*share) + mean)
		}
	}
	r, g, b := &tables[0], &tables[1], &tables[2]
	for i := 0; i < len(src.Pix); i += 3 {
		from, to := src.Pix[i:i+3:i+3], dst.Pix[i:i+3:i+3]
		to[0], to[1], to[2] = r[from[0]], g[from[1]], b[from[2]]
	}
	return nil
}

// channelMeans are the means of the channels, in 0..1.
func channelMeans(m *imaging.Image) [3]float64 {
	var r, g, b uint64
	for i := 0; i < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		r, g, b = r+uint64(p[0]), g+uint64(p[1]), b+uint64(p[2])
	}
	n := float64(255 * m.W * m.H)
	return [3]float64{float64(r) / n, float64(g) / n, float64(b) / n}
}
