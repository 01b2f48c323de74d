package sensitivity

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// Law is a distribution of weight vectors: each is at least 0 and sums to 1.
type Law struct {
	// Name says what the law is, for people.
	Name string
	draw func(random *rand.Rand, w []float64) error
}

// Uniform draws every weight vector of the simplex alike, Dirichlet(1,...,1):
// nothing is known of the weights.
func Uniform() Law {
	return Law{Name: "uniform", draw: func(random *rand.Rand, w []float64) error {
		drawUniform(random, w)
		return nil
	}}
}

// drawUniform normalises exponential variates (Devroye 1986, ch. XI.4).
func drawUniform(random *rand.Rand, w []float64) {
	for d := range w {
		w[d] = random.ExpFloat64()
	}
	normalise(w)
}

// Near draws from Dirichlet(kappa·weights): around the given weights, the
// closer the larger kappa is, with variance w(1-w)/(kappa+1) each. Kappa must
// be at least 1; the weights sum to 1, and a weight of 0 stays 0.
func Near(weights []float64, kappa float64) (Law, error) {
	if !(kappa >= 1 && kappa <= math.MaxFloat32) {
		return Law{}, fmt.Errorf("kappa must be a finite number of at least 1, got %v", kappa)
	}
	return dirichlet(weights, kappa), nil
}

// dirichlet normalises gamma variates (Devroye 1986, ch. XI.4).
func dirichlet(weights []float64, kappa float64) Law {
	return Law{
		Name: fmt.Sprintf("near the given weights (kappa %g)", kappa),
		draw: func(random *rand.Rand, w []float64) error {
			for d, weight := range weights {
				w[d] = 0
				if weight > 0 {
					w[d] = distuv.Gamma{Alpha: kappa * weight, Beta: 1, Src: random}.Rand()
				}
			}
			normalise(w)
			return nil
		},
	}
}

// Constraints limit weights to what a decision maker can say.
type Constraints struct {
	// AtLeast are pairs of columns: the first counts at least as much as the
	// second.
	AtLeast [][2]int
	// Low and High bound each weight, 0..1; nil is no bound.
	Low, High []float64
}

// InOrderOf says that columns keep the order of the given weights; equal ones
// are free among themselves.
func InOrderOf(weights []float64) Constraints {
	var c Constraints
	for a, heavy := range weights {
		for b, light := range weights {
			if heavy > light {
				c.AtLeast = append(c.AtLeast, [2]int{a, b})
			}
		}
	}
	return c
}

// maxTries is how many draws a constrained one may take: constraints that
// leave less than about 1/maxTries of the simplex are refused.
const maxTries = 200_000

var errTooNarrow = errors.New("the constraints on the weights leave too little to draw from: none of 200,000 random weight vectors meets them; loosen them")

// Constrained draws uniformly among the weight vectors that meet the
// constraints, by rejection.
func Constrained(name string, c Constraints) Law {
	pairs := c.byLater()
	return Law{Name: name, draw: func(random *rand.Rand, w []float64) error {
		for range maxTries {
			if !drawInOrder(random, w, &pairs) {
				continue
			}
			normalise(w)
			if c.inBounds(w) {
				return nil
			}
		}
		return errTooNarrow
	}}
}

// byLater lists the pairs by the later of their columns.
func (c Constraints) byLater() [maxDimensions][][2]int {
	var pairs [maxDimensions][][2]int
	for _, pair := range c.AtLeast {
		later := max(pair[0], pair[1])
		pairs[later] = append(pairs[later], pair)
	}
	return pairs
}

// drawInOrder gives up at the first weight that is out of order, which ends
// most tries early. Order does not depend on the sum.
func drawInOrder(random *rand.Rand, w []float64, pairs *[maxDimensions][][2]int) bool {
	for d := range w {
		w[d] = random.ExpFloat64()
		for _, pair := range pairs[d] {
			if w[pair[0]] < w[pair[1]] {
				return false
			}
		}
	}
	return true
}

func (c Constraints) inBounds(w []float64) bool {
	for d, v := range w {
		if c.Low != nil && v < c.Low[d] || c.High != nil && v > c.High[d] {
			return false
		}
	}
	return true
}

// Laws are those a report shows: nothing known, two degrees of nearness to
// the weights of the ranking, and only their order known.
func (m Matrix) Laws() []Law {
	return []Law{
		Uniform(), dirichlet(m.Weights, 10), dirichlet(m.Weights, 50),
		Constrained("in the order of the given weights", InOrderOf(m.Weights)),
	}
}
