package imaging

import (
	"fmt"
	"math"
	"strings"
)

var filterNames = [...]string{
	Nearest:  "nearest",
	Box:      "box",
	Bilinear: "bilinear",
	Hamming:  "hamming",
	Bicubic:  "bicubic",
	Lanczos:  "lanczos",
}

// String returns the lower-case name that ParseFilter reads.
func (f Filter) String() string {
	if int(f) < len(filterNames) {
		return filterNames[f]
	}
	return fmt.Sprintf("filter(%d)", uint8(f))
}

// ParseFilter returns the filter of that name: nearest, box, bilinear,
// hamming, bicubic or lanczos.
func ParseFilter(name string) (Filter, error) {
	for f, n := range filterNames {
		if n == name {
			return Filter(f), nil
		}
	}
	return 0, fmt.Errorf("filter must be one of %s, got %q", strings.Join(filterNames[:], ", "), name)
}

// kernel is a resampling function that vanishes outside [-support, support].
// The products are rounded one by one (explicit float64 conversions), because
// a fused multiply-add, as on arm64, would change the last bit.
type kernel struct {
	at      func(x float64) float64
	support float64
}

var kernels = [...]kernel{
	Box:      {boxKernel, 0.5},
	Bilinear: {bilinearKernel, 1},
	Hamming:  {hammingKernel, 1},
	Bicubic:  {bicubicKernel, 2},
	Lanczos:  {lanczosKernel, 3},
}

func boxKernel(x float64) float64 {
	if x > -0.5 && x <= 0.5 {
		return 1
	}
	return 0
}

func bilinearKernel(x float64) float64 {
	return max(0, 1-math.Abs(x))
}

func hammingKernel(x float64) float64 {
	x = math.Abs(x)
	if x == 0 {
		return 1
	}
	if x >= 1 {
		return 0
	}
	// Pillow writes the two constants in single precision.
	const a, b = float64(float32(0.54)), float64(float32(0.46))
	x = float64(x * math.Pi)
	return math.Sin(x) / x * (a + float64(b*math.Cos(x)))
}

// bicubicKernel is the Catmull-Rom spline: a = -0.5.
func bicubicKernel(x float64) float64 {
	x = math.Abs(x)
	if x < 1 {
		return float64(float64((float64(1.5*x)-2.5)*x)*x) + 1
	}
	if x < 2 {
		return (float64((float64((x-5)*x)+8)*x) - 4) * -0.5
	}
	return 0
}

func lanczosKernel(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x = float64(x * math.Pi)
	return math.Sin(x) / x
}
