package ranking

import (
	"fmt"
	"slices"
	"strings"
)

// AgainstOptions choose what models are compared with.
type AgainstOptions struct {
	Weights Weights
	// AllowPartial compares all models by the dimensions that they all have.
	AllowPartial bool
	// ExcludeDamaged leaves out the published rows that look damaged.
	ExcludeDamaged bool
	// Neighbours is how many rows to name on each side; 0 means 3.
	Neighbours int
}

// Comparison says where models would stand among published ones.
type Comparison struct {
	// Of is the number of published rows, Damaged how many of them look
	// damaged, and Excluded how many were left out for that.
	Of, Damaged, Excluded int
	Used                  []Dimension
	Standings             []Standing // best first, those without a score last
	Notes                 []string
}

// Standing is the place of one model among the published rows alone.
type Standing struct {
	Ranked
	// Position is 1 + the number of published rows with a higher score, and
	// DamagedAbove how many of those look damaged. 0 without a score.
	Position, DamagedAbove int
	// Above and Below are the nearest rows, the best first.
	Above, Below []Neighbour
	// DamagedNeighbours counts those of Above and Below that look damaged.
	DamagedNeighbours int
}

// Neighbour is a published row.
type Neighbour struct {
	Model  string
	QUBA   float64
	Damage []Damage
}

// Against places each model among the published ones, by the constants of the
// published score: the models do not move each other.
func Against(models, published Cohort, o AgainstOptions) (Comparison, error) {
	if o.Neighbours == 0 {
		o.Neighbours = 3
	}
	own, err := QUBA(models, Options{Weights: o.Weights, AllowPartial: o.AllowPartial})
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Used: own.Used, Notes: append(slices.Clone(own.Notes), published.Notes...)}
	rows := c.selectRows(published, o.ExcludeDamaged)
	reference, err := QUBA(rows, Options{Weights: weightsOf(own.Used)})
	if err != nil {
		return Comparison{}, fmt.Errorf("published rows: %w", err)
	}
	if slices.ContainsFunc(reference.Models, func(r Ranked) bool { return !r.Scored }) {
		return Comparison{}, fmt.Errorf("published rows: %q lacks %s", reference.Models[len(reference.Models)-1].Name, strings.Join(reference.Models[len(reference.Models)-1].Missing, ", "))
	}
	for _, m := range own.Models {
		c.Standings = append(c.Standings, standing(m, reference.Models, o.Neighbours))
	}
	if c.Damaged > c.Excluded {
		c.Notes = append(c.Notes, fmt.Sprintf("%d of the %d published rows look damaged by faults of the released code", c.Damaged-c.Excluded, c.Of))
	}
	return c, nil
}

func (c *Comparison) selectRows(published Cohort, excludeDamaged bool) Cohort {
	var rows Cohort
	for _, m := range published.Models {
		damaged := len(DamageOf(m)) > 0
		if damaged {
			c.Damaged++
		}
		if damaged && excludeDamaged {
			c.Excluded++
			continue
		}
		rows.Models = append(rows.Models, m)
	}
	c.Of = len(rows.Models)
	return rows
}

// weightsOf gives exactly the used dimensions their weights.
func weightsOf(used []Dimension) Weights {
	w := Weights{}
	for _, d := range dimensions {
		w[d.Name] = 0
	}
	for _, d := range used {
		w[d.Name] = d.Weight
	}
	return w
}

func standing(m Ranked, reference []Ranked, neighbours int) Standing {
	s := Standing{Ranked: m}
	if !m.Scored {
		return s
	}
	above := 0
	for above < len(reference) && reference[above].QUBA > m.QUBA+tieTolerance {
		if len(DamageOf(reference[above].Model)) > 0 {
			s.DamagedAbove++
		}
		above++
	}
	s.Position = above + 1
	s.Above = neighboursOf(reference[max(0, above-neighbours):above])
	s.Below = neighboursOf(reference[above:min(len(reference), above+neighbours)])
	for _, n := range slices.Concat(s.Above, s.Below) {
		if len(n.Damage) > 0 {
			s.DamagedNeighbours++
		}
	}
	return s
}

func neighboursOf(rows []Ranked) []Neighbour {
	var neighbours []Neighbour
	for _, r := range rows {
		neighbours = append(neighbours, Neighbour{Model: r.Name, QUBA: r.QUBA, Damage: DamageOf(r.Model)})
	}
	return neighbours
}
