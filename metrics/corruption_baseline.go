package metrics

import "slices"

// corruptionNames are the 15 corruptions of ImageNet-C, in the order of the
// paper.
var corruptionNames = [...]string{
	"gaussian_noise", "shot_noise", "impulse_noise",
	"defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
	"snow", "frost", "fog", "brightness", "contrast",
	"elastic_transform", "pixelate", "jpeg_compression",
}

// extraCorruptionNames are those published beside the 15, for tuning. They
// have parts, but no share in the score.
var extraCorruptionNames = [...]string{"speckle_noise", "gaussian_blur", "spatter", "saturate"}

// CorruptionNames lists the corruptions that corruption_robustness has parts
// of: the 15 that it is the mean over, then the four published beside them.
func CorruptionNames() (scored, extra []string) {
	return slices.Clone(corruptionNames[:]), slices.Clone(extraCorruptionNames[:])
}

// proceduralFrost is frost whose textures are made, not the original pictures.
const proceduralFrost = "frost_procedural"

// alexNetErrors are the top-1 errors of AlexNet under each of the 15, averaged
// over the severities, and alexNetCleanError that on clean images: the
// baseline of mCE and relative mCE. Hendrycks and Dietterich, Benchmarking
// Neural Network Robustness to Common Corruptions and Perturbations, ICLR
// 2019, and the README of github.com/hendrycks/robustness.
var alexNetErrors = [len(corruptionNames)]float64{
	0.886428, 0.894468, 0.922640,
	0.819880, 0.826268, 0.785948, 0.798360,
	0.866816, 0.826572, 0.819324, 0.564592, 0.853204,
	0.646056, 0.717840, 0.606500,
}

const alexNetCleanError = 0.4348
