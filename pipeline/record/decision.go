package record

import (
	"fmt"
	"math"
	"slices"
)

// Decision turns a classifier's output into a decision among the classes of a
// data set that is labelled more coarsely, or with some of the classes only.
// Labels, cues and top-1 classes of records are then indexes of Classes.
type Decision struct {
	Name string `json:"name"`
	// Classes names the classes of the data set in the order of their labels.
	Classes []string `json:"classes"`
	// Of says for each output of the classifier to which class it belongs, or
	// NoClass.
	Of   []int32 `json:"of"`
	Rule Rule    `json:"rule"`
	Ties Ties    `json:"ties,omitempty"`
}

// Rule says how outputs become a decision.
type Rule string

const (
	// Mean compares the mean probabilities of the classes' members, which are
	// not renormalised.
	Mean Rule = "mean"
	// Sum compares the summed probabilities of the classes' members.
	Sum Rule = "sum"
	// Best takes the class of the best output, which is NoClass where that
	// belongs to none. The probability of a class is the sum of its members'.
	Best Rule = "best"
	// Subset decides as a classifier that has the member outputs only: softmax
	// runs over them. A class has at most one member.
	Subset Rule = "subset"
)

// Ties says which of equally probable classes is chosen.
type Ties string

const (
	First Ties = "first" // also ""
	Last  Ties = "last"
)

// Check says what is wrong with the decision, or nil.
func (d *Decision) Check() error {
	switch {
	case len(d.Classes) == 0:
		return fmt.Errorf("decision %s: must have a class", d.Name)
	case !slices.Contains([]Rule{Mean, Sum, Best, Subset}, d.Rule):
		return fmt.Errorf("decision %s: rule must be mean, sum, best or subset, got %.40q", d.Name, d.Rule)
	case !slices.Contains([]Ties{"", First, Last}, d.Ties):
		return fmt.Errorf("decision %s: ties must be first or last, got %.40q", d.Name, d.Ties)
	}
	members := make([]int, len(d.Classes))
	for output, class := range d.Of {
		if class < NoClass || int(class) >= len(d.Classes) {
			return fmt.Errorf("decision %s: output %d belongs to class %d, there are %d classes", d.Name, output, class, len(d.Classes))
		}
		if class != NoClass {
			members[class]++
		}
	}
	for class, n := range members {
		if n == 0 {
			return fmt.Errorf("decision %s: class %q has no output", d.Name, d.Classes[class])
		}
		if n > 1 && d.Rule == Subset {
			return fmt.Errorf("decision %s: class %q must have one output with rule subset, has %d", d.Name, d.Classes[class], n)
		}
	}
	return nil
}

// Label is the class of the data set for a class of the classifier, NoClass
// where it belongs to none.
func (d *Decision) Label(class int32) int32 {
	if class < 0 || int(class) >= len(d.Of) {
		return NoClass
	}
	return d.Of[class]
}

// Predict is the function Predict for the decision's classes: it writes their
// probabilities into probs, which must be as long as Classes. output must be
// as long as Of. label is a class of the decision or NoClass.
func (d *Decision) Predict(output []float32, kind Output, label int32, probs []float32) Prediction {
	if d.Rule == Subset {
		return d.predictSubset(output, kind, label, probs)
	}
	all := make([]float32, len(output))
	best := Predict(output, kind, NoClass, all)
	d.pool(all, probs)
	p := Prediction{TrueRank: -1}
	if d.Rule == Best {
		p.Top1, p.Confidence = d.Of[best.Top1], best.Confidence
	} else {
		p.Top1 = int32(d.highest(probs))
	}
	if p.Top1 != NoClass {
		p.Confidence = probs[p.Top1]
	}
	if label < 0 || int(label) >= len(probs) {
		return p
	}
	p.Correct = p.Top1 == label
	p.PTrue = probs[label]
	p.TrueRank = d.rankOf(probs, label)
	p.Loss = lossOf(p.PTrue)
	return p
}

// predict is Predict, and the plain one for no decision.
func (d *Decision) predict(output []float32, kind Output, label int32, probs []float32) Prediction {
	if d == nil {
		return Predict(output, kind, label, probs)
	}
	return d.Predict(output, kind, label, probs)
}

// predictSubset looks at the member outputs only.
func (d *Decision) predictSubset(output []float32, kind Output, label int32, probs []float32) Prediction {
	members := make([]float32, len(d.Classes))
	total := float32(0)
	for i, class := range d.Of {
		if class != NoClass {
			members[class] = output[i]
			total += output[i]
		}
	}
	if kind == Probabilities && total > 0 {
		for i := range members {
			members[i] /= total
		}
	}
	return Predict(members, kind, label, probs)
}

// pool writes the classes' probabilities.
func (d *Decision) pool(all, probs []float32) {
	sums, members := make([]float64, len(probs)), make([]float64, len(probs))
	for i, class := range d.Of {
		if class != NoClass {
			sums[class] += float64(all[i])
			members[class]++
		}
	}
	for class, sum := range sums {
		if d.Rule == Mean {
			sum /= members[class]
		}
		probs[class] = float32(sum)
	}
}

// highest is the most probable class.
func (d *Decision) highest(probs []float32) int {
	best := 0
	for i, p := range probs {
		if p > probs[best] || (p == probs[best] && d.Ties == Last) {
			best = i
		}
	}
	return best
}

// rankOf counts the classes that would be chosen before label.
func (d *Decision) rankOf(probs []float32, label int32) int32 {
	rank := int32(0)
	for i, p := range probs {
		before := int32(i) < label
		if d.Ties == Last {
			before = int32(i) > label
		}
		if p > probs[label] || (p == probs[label] && before) {
			rank++
		}
	}
	return rank
}

// lossOf is the cross-entropy in nats of a probability, which is finite for 0.
func lossOf(p float32) float32 {
	return float32(-math.Log(math.Max(float64(p), math.SmallestNonzeroFloat32)))
}
