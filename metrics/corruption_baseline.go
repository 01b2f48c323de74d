package metrics

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

// proceduralFrost is frost whose textures are made, not the original pictures.
const proceduralFrost = "frost_procedural"

// alexNetErrors are the top-1 errors of AlexNet under each of the 15, averaged
// over the severities, and alexNetCleanError that on clean images: the
// baseline of mCE and relative mCE. Hendrycks and Dietterich, Benchmarking
// Neural Network Robustness to Common Corruptions and Perturbations, ICLR
// 2019, and the README of github.com/hendrycks/robustness.
var alexNetErrors = [len(corruptionNames)]float64{
	0.886, 0.894, 0.923,
	0.820, 0.826, 0.786, 0.798,
	0.867, 0.827, 0.819, 0.565, 0.853,
	0.646, 0.718, 0.607,
}

const alexNetCleanError = 0.4348
