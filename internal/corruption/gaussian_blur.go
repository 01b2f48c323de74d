package corruption

import "quba/internal/imaging"

func init() {
	register(Corruption{Name: "gaussian_blur", Extra: true, Order: 16, Apply: gaussianBlurImage})
}

var gaussianBlurSigmas = [MaxSeverity]float64{1, 2, 3, 4, 6}

// gaussianBlurImage blurs every channel, edges replicated.
func gaussianBlurImage(dst, src *imaging.Image, severity int, _ Draws, _ Options) error {
	gaussianImage(dst.Pix, src.Pix, src.W, src.H, gaussianBlurSigmas[severity-1])
	return nil
}
