package sensitivity

// Dominance says what holds whatever the weights.
type Dominance struct {
	Dimensions []string `json:"dimensions"`
	// Front are the rows that no other dominates (the Pareto front), in their
	// order.
	Front []int `json:"front"`
	// Winners are the rows that some weights put first, in their order; all
	// are on the front, but a front may have rows that never win.
	Winners []int            `json:"winners"`
	Models  []ModelDominance `json:"models"` // rows of the matrix
}

// ModelDominance is that of one model.
type ModelDominance struct {
	Model string `json:"model"`
	// DominatedBy are the rows that are at least as good in every dimension
	// and better in one: no weights put the model above them.
	DominatedBy []int `json:"dominated_by"`
	// BestLead is the largest lead over all others that any weights of at
	// least 0 give the model, in the units of the score: 0 when it can only
	// share the first place, below 0 when it is never first. Nil off the
	// front.
	BestLead *float64 `json:"best_lead,omitempty"`
	// BestWeights give that lead, in the order of the dimensions, sum 1.
	BestWeights []float64 `json:"best_weights,omitempty"`
}

// leadTolerance is the rounding of a linear program.
const leadTolerance = 1e-9

// Dominance compares all pairs, and solves a linear program for each model of
// the front.
func (m Matrix) Dominance() Dominance {
	out := Dominance{Dimensions: m.Dimensions, Front: []int{}, Winners: []int{}}
	for i, name := range m.Models {
		model := ModelDominance{Model: name, DominatedBy: m.dominators(i)}
		if len(model.DominatedBy) == 0 {
			lead, w := m.bestLead(i)
			model.BestLead, model.BestWeights = &lead, w
			out.Front = append(out.Front, i)
			if lead >= -leadTolerance {
				out.Winners = append(out.Winners, i)
			}
		}
		out.Models = append(out.Models, model)
	}
	return out
}

func (m Matrix) dominators(of int) []int {
	rows := []int{}
	for k, z := range m.Z {
		if atLeast(z, m.Z[of]) && !atLeast(m.Z[of], z) {
			rows = append(rows, k)
		}
	}
	return rows
}

// atLeast says that a is as good as b in every dimension, or better.
func atLeast(a, b []float64) bool {
	for d, v := range a {
		if v < b[d] {
			return false
		}
	}
	return true
}

// bestLead is max over w of min over the other rows k of w·(z_i - z_k): the
// value of a matrix game between dimensions and rivals. A model without
// rivals leads by 0.
func (m Matrix) bestLead(i int) (lead float64, w []float64) {
	payoff := make([][]float64, len(m.Dimensions))
	for d := range payoff {
		for k, z := range m.Z {
			if k != i {
				payoff[d] = append(payoff[d], m.Z[i][d]-z[d])
			}
		}
	}
	if len(m.Z) == 1 {
		return 0, m.Weights
	}
	return solveGame(payoff)
}
