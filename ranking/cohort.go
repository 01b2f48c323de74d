package ranking

import (
	"fmt"
	"math"
	"strings"

	"quba/metrics"
	"quba/pipeline/record"
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

// Dimensions lists what the model has: the nine in their order, then extra
// metrics by name.
func (m Model) Dimensions() []string { return columnsOf(m.Values) }

// Value is the score of a model in one dimension.
type Value struct {
	Value   float64
	N       int64 // samples, 0 when unknown
	Parts   []metrics.Part
	Partial bool // made without some of its parts
	Note    string
	Origin  Origin
}

// Origin says what made a value; what is not known is empty.
type Origin struct {
	Metric string
	// On are the pipelines that fed the metric, by role.
	On map[string]record.PipelineRecord
	// Classes is the number of classes of the model's output.
	Classes int
	// Source is the result folder, or the score file.
	Source string
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
