package corruption

import (
	"math"

	"quba/internal/imaging"
)

var impulseNoiseShare = [MaxSeverity]float64{.03, .06, .09, .17, .27}

func init() {
	register(Corruption{Name: "impulse_noise", Order: 2, Apply: impulseNoise})
}

// impulseNoise replaces a share of the samples by 255 (salt) or 0 (pepper).
func impulseNoise(dst, src *imaging.Image, severity int, d Draws, _ Options) error {
	share := impulseNoiseShare[severity-1]
	if g, ok := d.(words); ok {
		impulses(dst.Pix, src.Pix, share, g)
		return nil
	}
	salt := make([]uint8, 3*src.W)
	for y := range src.H {
		d.Salt(salt, share)
		from := src.Pix[3*src.W*y:]
		to := dst.Pix[3*src.W*y:]
		for i, s := range salt {
			to[i] = [...]byte{from[i], 255, 0}[s]
		}
	}
	return nil
}

// impulses is exact to 2^-32. A quarter of a word tells which samples may be
// hit; a second word decides on those few.
func impulses(dst, src []byte, share float64, g words) {
	maybe := math.Ceil(share * (1 << 16))
	limit, accept := uint16(maybe), uint64(share*(1<<16)/maybe*(1<<32))
	copy(dst, src)
	s := splitMix(g.Uint64())
	for i := 0; i < len(dst); i += 4 {
		word := s.next()
		for k := i; k < min(i+4, len(dst)); k++ {
			if uint16(word) < limit {
				if second := s.next(); second>>32 < accept {
					dst[k] = byte(-int8(second & 1))
				}
			}
			word >>= 16
		}
	}
}
