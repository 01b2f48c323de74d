package sensitivity

import "fmt"

// Explanation says what a model's score is made of and what would lift it.
type Explanation struct {
	Model string `json:"model"`
	Row   int    `json:"row"`
	// Rank is 1 + the number of models with a higher score.
	Rank  int     `json:"rank"`
	Score float64 `json:"score"`
	// Next is the nearest model with a higher score; nil for the first.
	Next       *Next          `json:"next"`
	Dimensions []Contribution `json:"dimensions"`
}

// Next is the model to overtake.
type Next struct {
	Model string `json:"model"`
	Row   int    `json:"row"`
	Rank  int    `json:"rank"`
	// Gap is by how much its score is higher.
	Gap float64 `json:"gap"`
}

// Contribution is what one dimension adds to a score.
type Contribution struct {
	Dimension string  `json:"dimension"`
	Value     float64 `json:"value"`
	Z         float64 `json:"z"`      // higher is better
	Weight    float64 `json:"weight"` // share of the whole, 0..1
	// Points are weight·z; those of all dimensions sum to the score.
	Points float64 `json:"points"`
	// ToGain is the value that would draw level with the next model if
	// nothing else changed; a better one gains the rank. Nil for the first
	// model, and where the value would lie outside what the dimension can be.
	ToGain *float64 `json:"to_gain,omitempty"`
}

// Why explains the place of a row. Where values are compared with the cohort
// itself, ToGain takes its mean and standard deviation as they are.
func (m Matrix) Why(row int) (Explanation, error) {
	if err := m.checkRow(row); err != nil {
		return Explanation{}, err
	}
	ranks := m.ranksOf(m.Weights)
	e := Explanation{Model: m.Models[row], Row: row, Rank: ranks[row], Score: dot(m.Z[row], m.Weights), Next: m.next(row, ranks)}
	for d, name := range m.Dimensions {
		c := Contribution{Dimension: name, Value: m.Values[row][d], Z: m.Z[row][d], Weight: m.Weights[d]}
		c.Points = c.Weight * c.Z
		if e.Next != nil {
			c.ToGain = m.toGain(row, d, e.Next.Gap)
		}
		e.Dimensions = append(e.Dimensions, c)
	}
	return e, nil
}

func (m Matrix) checkRow(row int) error {
	if row < 0 || row >= len(m.Models) {
		return fmt.Errorf("row must be 0..%d, got %d", len(m.Models)-1, row)
	}
	return nil
}

// next is the lowest of the models that rank higher; among ties the first.
func (m Matrix) next(row int, ranks []int) *Next {
	best := -1
	for k, rank := range ranks {
		if rank < ranks[row] && (best < 0 || rank > ranks[best]) {
			best = k
		}
	}
	if best < 0 {
		return nil
	}
	gap := dot(m.Z[best], m.Weights) - dot(m.Z[row], m.Weights)
	return &Next{Model: m.Models[best], Row: best, Rank: ranks[best], Gap: gap}
}

// toGain is the value of dimension d that adds gap to the score.
func (m Matrix) toGain(row, d int, gap float64) *float64 {
	if m.Weights[d] == 0 || m.Units[d] == 0 {
		return nil
	}
	value := m.Values[row][d] + gap/m.Weights[d]*m.Units[d]
	if value < m.Min[d] || value > m.Max[d] {
		return nil
	}
	return &value
}

// Comparison says where the difference of two scores comes from.
type Comparison struct {
	A          string       `json:"a"`
	B          string       `json:"b"`
	RankA      int          `json:"rank_a"`
	RankB      int          `json:"rank_b"`
	ScoreA     float64      `json:"score_a"`
	ScoreB     float64      `json:"score_b"`
	Dimensions []Difference `json:"dimensions"`
}

// Difference is that of two models in one dimension.
type Difference struct {
	Dimension string  `json:"dimension"`
	ValueA    float64 `json:"value_a"`
	ValueB    float64 `json:"value_b"`
	// Points are weight·(z_a - z_b); those of all dimensions sum to the
	// difference of the scores.
	Points float64 `json:"points"`
}

// Compare takes the difference of the scores of two rows apart.
func (m Matrix) Compare(a, b int) (Comparison, error) {
	for _, row := range []int{a, b} {
		if err := m.checkRow(row); err != nil {
			return Comparison{}, err
		}
	}
	ranks := m.ranksOf(m.Weights)
	c := Comparison{
		A: m.Models[a], B: m.Models[b], RankA: ranks[a], RankB: ranks[b],
		ScoreA: dot(m.Z[a], m.Weights), ScoreB: dot(m.Z[b], m.Weights),
	}
	for d, name := range m.Dimensions {
		c.Dimensions = append(c.Dimensions, Difference{
			Dimension: name, ValueA: m.Values[a][d], ValueB: m.Values[b][d],
			Points: m.Weights[d] * (m.Z[a][d] - m.Z[b][d]),
		})
	}
	return c, nil
}
