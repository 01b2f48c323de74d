package uncertainty

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Method says how an interval was made.
type Method string

const (
	// BCa is the bias-corrected and accelerated interval (Efron, Better
	// Bootstrap Confidence Intervals, JASA 1987), its acceleration by a jackknife
	// over groups of images.
	BCa Method = "bca"
	// Centred is the percentile interval moved so that the mean of the draws
	// lies on the value. It is for values that resampling shifts by more than a
	// quarter of their standard error, such as calibration error and class
	// balance: a resample has the noise of the sample once more. It tells how
	// far the value would be off on another sample of the same size; the shift
	// itself is that of BiasCorrected.
	Centred Method = "centred"
	// Wilson is the score interval of a proportion (Wilson, JASA 1927).
	Wilson Method = "wilson"
	// Constant is for a value that does not depend on images.
	Constant Method = "constant"
	// None is for a value whose draws cannot be made.
	None Method = "none"
)

// Interval is a value with its uncertainty.
type Interval struct {
	Value float64 `json:"value"`
	// Low and High are the bounds to show, made by Method. They are Value where
	// nothing is known.
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Method Method  `json:"method"`
	// SE is the standard deviation of the draws.
	SE float64 `json:"se"`
	// BiasCorrected is 2 * Value - mean of the draws (Efron and Tibshirani, An
	// Introduction to the Bootstrap, 1993, section 10.6).
	BiasCorrected float64 `json:"bias_corrected"`
	// The bounds by each method; nil where it is not defined.
	Percentile *Bounds `json:"percentile,omitempty"`
	BCa        *Bounds `json:"bca,omitempty"`
	Wilson     *Bounds `json:"wilson,omitempty"`
	// Undefined counts the draws that left the value undefined. They are left
	// out.
	Undefined int `json:"undefined,omitempty"`
	// Reason says why Method is None.
	Reason string `json:"reason,omitempty"`
}

// Bounds are the ends of an interval.
type Bounds struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func certain(value float64, method Method, reason string) Interval {
	return Interval{Value: value, Low: value, High: value, Method: method, BiasCorrected: value, Reason: reason}
}

// negligibleBias is the bias, in standard errors, up to which it may be left
// uncorrected (Efron and Tibshirani 1993, section 10.3).
const negligibleBias = 0.25

// intervalOf makes the interval of a value from its draws; jackknife holds the
// values without one group of images each. NaN stands for what is not defined.
func intervalOf(value float64, draws, jackknife []float64, level float64) Interval {
	sorted := defined(draws)
	slices.Sort(sorted)
	if len(sorted) < 2 {
		return certain(value, None, "it is not defined in enough draws")
	}
	if sorted[0] == sorted[len(sorted)-1] {
		return certain(value, None, "all draws give the same, so they do not tell how far it may be off")
	}
	i := certain(value, BCa, "")
	i.Undefined = len(draws) - len(sorted)
	var mean float64
	mean, i.SE = stat.MeanStdDev(sorted, nil)
	i.BiasCorrected = 2*value - mean
	tail := (1 - level) / 2
	i.Percentile = &Bounds{quantile(sorted, tail), quantile(sorted, 1-tail)}
	i.BCa = bcaBounds(value, sorted, defined(jackknife), tail)
	if shift := mean - value; i.BCa == nil || math.Abs(shift) > negligibleBias*i.SE {
		i.Method = Centred
		i.Low, i.High = i.Percentile.Low-shift, i.Percentile.High-shift
		return i
	}
	i.Low, i.High = i.BCa.Low, i.BCa.High
	return i
}

func defined(values []float64) []float64 {
	kept := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			kept = append(kept, v)
		}
	}
	return kept
}

// quantile interpolates between the order statistics at (n+1)p, the first and
// the last beyond the ends (type 6 of Hyndman and Fan 1996).
func quantile(sorted []float64, p float64) float64 {
	place := p*float64(len(sorted)+1) - 1
	lower := int(math.Floor(place))
	if lower < 0 {
		return sorted[0]
	}
	if lower >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[lower] + (place-float64(lower))*(sorted[lower+1]-sorted[lower])
}

// bcaBounds is nil where all draws lie on one side of the value. Draws that
// equal the value count half on each side.
func bcaBounds(value float64, sorted, jackknife []float64, tail float64) *Bounds {
	below := 0.0
	for _, v := range sorted {
		switch {
		case v < value:
			below++
		case v == value:
			below += 0.5
		}
	}
	share := below / float64(len(sorted))
	if share == 0 || share == 1 {
		return nil
	}
	z0 := distuv.UnitNormal.Quantile(share)
	a := acceleration(jackknife)
	bound := func(p float64) float64 {
		z := z0 + distuv.UnitNormal.Quantile(p)
		return quantile(sorted, distuv.UnitNormal.CDF(z0+z/(1-a*z)))
	}
	return &Bounds{bound(tail), bound(1 - tail)}
}

// acceleration is the skewness of the jackknife values over 6 times the square
// root of their number (Efron 1987, equation 6.6).
func acceleration(jackknife []float64) float64 {
	if len(jackknife) == 0 {
		return 0
	}
	mean := stat.Mean(jackknife, nil)
	squares, cubes := 0.0, 0.0
	for _, v := range jackknife {
		d := mean - v
		squares += d * d
		cubes += d * d * d
	}
	if squares == 0 {
		return 0
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}

// wilsonBounds is the score interval of a proportion of n.
func wilsonBounds(proportion float64, n int64, level float64) *Bounds {
	z := distuv.UnitNormal.Quantile((1 + level) / 2)
	size := float64(n)
	centre := (proportion + z*z/(2*size)) / (1 + z*z/size)
	half := z / (1 + z*z/size) * math.Sqrt(proportion*(1-proportion)/size+z*z/(4*size*size))
	return &Bounds{max(0, centre-half), min(1, centre+half)}
}
