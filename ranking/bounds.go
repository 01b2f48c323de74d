package ranking

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Bounds are the ends of what a score can be.
type Bounds struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// boundsOf is QUBA by the published constants over all the dimensions, those
// that the model lacks taken at their worst and at their best among the
// published rows without damage. It is nil for a model that lacks none, or all.
// Dimensions without some of their parts count as they are.
func boundsOf(m Ranked, counted []Dimension) *Bounds {
	if len(m.Missing) == 0 || len(m.Missing) == len(counted) {
		return nil
	}
	var b Bounds
	total := 0.0
	for _, d := range counted {
		z := publishedRange()[d.Name]
		if v, ok := m.Values[d.Name]; ok {
			z.Low = d.z(v.Value, d.Mean, d.Std)
			z.High = z.Low
		}
		b.Low += d.Weight * z.Low
		b.High += d.Weight * z.High
		total += d.Weight
	}
	b.Low /= total
	b.High /= total
	return &b
}

// publishedRange holds the lowest and the highest z of each dimension.
var publishedRange = sync.OnceValue(func() map[string]Bounds {
	ranges := map[string]Bounds{}
	for _, d := range dimensions {
		first := true
		for _, m := range publishedModels() {
			if len(DamageOf(m)) > 0 {
				continue
			}
			z := d.z(m.Values[d.Name].Value, d.Mean, d.Std)
			known := ranges[d.Name]
			if first {
				known = Bounds{z, z}
				first = false
			}
			ranges[d.Name] = Bounds{min(known.Low, z), max(known.High, z)}
		}
	}
	return ranges
})

// mostBounds is how many models boundsNote names.
const mostBounds = 10

// boundsNote says in one line between what values the scores of partial models
// would lie with the dimensions that they lack; "" when no model has bounds.
func (r Ranking) boundsNote() string {
	var words []string
	for _, m := range r.Models {
		if m.Bounds != nil {
			words = append(words, fmt.Sprintf("%s %.2f to %.2f", m.Name, m.Bounds.Low, m.Bounds.High))
		}
	}
	if len(words) == 0 {
		return ""
	}
	if more := len(words) - mostBounds; more > 0 {
		words = append(words[:mostBounds], fmt.Sprintf("and %d more", more))
	}
	return "quba by all dimensions, the missing ones between the worst and the best of the published models: " + strings.Join(words, ", ")
}

// NotesForReaders are the notes, with what is known of partial models in a line;
// a Document has it as numbers.
func (r Ranking) NotesForReaders() []string {
	notes := slices.Clone(r.Notes)
	if note := r.boundsNote(); note != "" {
		notes = append(notes, note)
	}
	return notes
}
