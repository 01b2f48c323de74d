package correlation

import (
	"math"

	"gonum.org/v1/gonum/mathext"

	"quba/internal/stats"
)

// Spearman is the rank correlation of x and y, -1 to 1: Pearson's correlation
// of their average ranks. Pairs with a NaN are left out; n is how many are
// left. It is NaN for fewer than 2 pairs and where x or y is constant. Both
// must be equally long.
func Spearman(x, y []float64) (rho float64, n int) {
	a, b := centredRanks(x, y)
	return correlate(a, b), len(a)
}

// centredRanks returns twice the average ranks less their mean, of the pairs
// without NaN. They are whole numbers, so that sums of them are exact.
func centredRanks(x, y []float64) (a, b []float64) {
	for i := range x {
		if !math.IsNaN(x[i]) && !math.IsNaN(y[i]) {
			a, b = append(a, x[i]), append(b, y[i])
		}
	}
	a, b = stats.AverageRanks(a), stats.AverageRanks(b)
	twiceMean := float64(len(a) + 1)
	for i := range a {
		a[i], b[i] = 2*a[i]-twiceMean, 2*b[i]-twiceMean
	}
	return a, b
}

// correlate is Pearson's correlation of centred values, NaN for constant ones.
func correlate(a, b []float64) float64 {
	return dot(a, b) / math.Sqrt(dot(a, a)*dot(b, b))
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// TTest is the two-sided p value of a rank correlation of n pairs by Student's
// t = rho*sqrt((n-2)/(1-rho^2)) with n-2 degrees of freedom, which
// scipy.stats.spearmanr uses for every n. It is NaN for n < 3.
func TTest(rho float64, n int) float64 {
	if n < 3 || math.IsNaN(rho) {
		return math.NaN()
	}
	// P(|T| > t) with df degrees of freedom is I_x(df/2, 1/2) at
	// x = df/(df+t^2), which is 1-rho^2.
	return mathext.RegIncBeta(float64(n-2)/2, 0.5, (1-rho)*(1+rho))
}

// exactMost is the most pairs whose n! orders are all looked at.
const exactMost = 9

// PermutationTest is the exact two-sided p value of the rank correlation of at
// most 9 pairs without NaN: the share of the n! orders of y that correlate
// with x at least as strongly. It is NaN where the correlation is, and for
// more pairs.
func PermutationTest(x, y []float64) float64 {
	a, b := centredRanks(x, y)
	if len(a) > exactMost || math.IsNaN(correlate(a, b)) {
		return math.NaN()
	}
	observed := math.Abs(dot(a, b))
	extreme, all := 0, 0
	permute(b, func() {
		all++
		if math.Abs(dot(a, b)) >= observed {
			extreme++
		}
	})
	return float64(extreme) / float64(all)
}

// permute visits every order of values, which it changes in place (Heap's
// algorithm).
func permute(values []float64, visit func()) {
	visit()
	swaps := make([]int, len(values))
	for i := 1; i < len(values); {
		if swaps[i] == i {
			swaps[i] = 0
			i++
			continue
		}
		with := 0
		if i%2 == 1 {
			with = swaps[i]
		}
		values[with], values[i] = values[i], values[with]
		visit()
		swaps[i]++
		i = 1
	}
}
