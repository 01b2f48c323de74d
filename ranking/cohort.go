package ranking

import (
	"fmt"
	"math"
	"strings"

	"quba/metrics"
)

// Cohort is a set of models that are looked at together.
type Cohort struct {
	// Models are in the order in which they were read. Names may repeat.
	Models []Model
	// Protocol is that of the results, "" when none was read.
	Protocol metrics.Protocol
	// Notes are caveats about the whole.
	Notes []string
}

// Model is what is known of one model.
type Model struct {
	Name   string
	Values map[string]Value // by dimension, extra metrics included
	// Labels are facts for grouping and display.
	Labels map[string]string
	// SHA256 is that of the model's file, "" when unknown.
	SHA256 string
	// Source is where the model was read: a path, or file:line.
	Source string
}

// Value is the score of a model in one dimension.
type Value struct {
	Value   float64
	N       int64 // samples, 0 when unknown
	Parts   []metrics.Part
	Partial bool // made without some of its parts
	Note    string
}

// check says that every value is a finite number.
func (m Model) check() error {
	var wrong []string
	for _, d := range dimensions {
		v, ok := m.Values[d.Name]
		if ok && (math.IsNaN(v.Value) || math.IsInf(v.Value, 0)) {
			wrong = append(wrong, fmt.Sprintf("%s must be a finite number, is %v", d.Name, v.Value))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("model %q: %s", m.Name, strings.Join(wrong, "; "))
}

// missing lists the given dimensions that the model lacks, and incomplete
// those that it has only in part.
func (m Model) missing(of []Dimension) (missing, incomplete []string) {
	for _, d := range of {
		v, ok := m.Values[d.Name]
		switch {
		case !ok:
			missing = append(missing, d.Name)
		case v.Partial:
			incomplete = append(incomplete, d.Name)
		}
	}
	return missing, incomplete
}
