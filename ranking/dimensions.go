// Package ranking turns the scores of models into the QUBA score of arXiv
// 2503.17110 and a ranking. It reads results and tables, never a model.
package ranking

import (
	"fmt"
	"math"
	"slices"

	"quba/metrics"
	"quba/pipeline/registry"
)

// Dimension is one of the nine qualities that QUBA is made of.
type Dimension struct {
	Name   string
	Column string // its name in the published table
	Better metrics.Direction
	Weight float64 // in the published score; the nine sum to 6
	// Mean and Std are the frozen constants of the published score.
	Mean, Std float64
	Doc       string
	// Min and Max bound what files may hold; infinite where there is no bound.
	// Parameters may be 0: a tiny model rounds to that.
	Min, Max float64
}

var unbounded = math.Inf(1)

// dimensions are in the order of the published table. Means and standard
// deviations are QUBA_MEAN and QUBA_STD of visinf/beyond-accuracy,
// data_utils.py; the weights are DEFAULT_QUBA_WEIGHTS of its index.html.
var dimensions = [...]Dimension{
	{
		Name: "accuracy", Column: "acc", Weight: 1, Max: 1,
		Mean: 0.7990557251908397, Std: 0.034685710545946026,
		Doc: "top-1 accuracy on the clean images",
	},
	{
		Name: "adversarial_robustness", Column: "adv_rob", Weight: 1.0 / 3,
		Max:  unbounded,
		Mean: 0.18583778826016084, Std: 0.11083062192390095,
		Doc: "geometric mean over FGSM and PGD of accuracy under attack relative to clean accuracy",
	},
	{
		Name: "corruption_robustness", Column: "c_rob", Weight: 1.0 / 3,
		Max:  unbounded,
		Mean: 0.5298791080592711, Std: 0.23383978329969085,
		Doc: "mean over 15 corruptions and 5 severities of accuracy relative to clean accuracy",
	},
	{
		Name: "ood_robustness", Column: "ood_rob", Weight: 1.0 / 3,
		Max:  unbounded,
		Mean: 0.5664841617855405, Std: 0.14548627504237352,
		Doc: "geometric mean over five other domains of accuracy relative to clean accuracy; may exceed 1",
	},
	{
		Name: "calibration_error", Column: "cal_err", Better: metrics.Lower, Weight: 1, Max: 1,
		Mean: 0.004479927389289115, Std: 0.0026752085291489288,
		Doc: "geometric mean of ECE and ACE on the clean images",
	},
	{
		Name: "class_balance", Column: "class_balance", Weight: 1, Max: 1,
		Mean: 0.783356376851669, Std: 0.024047971612660052,
		Doc: "evenness of class accuracies and of true-class confidences",
	},
	{
		Name: "object_focus", Column: "obj_focus", Weight: 0.5,
		Min: -unbounded, Max: unbounded,
		Mean: 0.9286352601551336, Std: 0.017724144886557092,
		Doc: "1 minus the relative accuracy lost when backgrounds are exchanged; may exceed 1",
	},
	{
		Name: "shape_bias", Column: "shape_bias", Weight: 0.5, Max: 1,
		Mean: 0.30548520497464765, Std: 0.08354531823072534,
		Doc: "fraction of shape decisions among shape and texture decisions on cue-conflict images",
	},
	{
		Name: "parameters", Column: "params_m", Better: metrics.Lower, Weight: 1,
		Max:  unbounded,
		Mean: 55.28778625954198, Std: 42.8890536095964,
		Doc: "trainable parameters in millions",
	},
}

// Dimensions returns the nine dimensions in the order of the published table.
func Dimensions() []Dimension { return slices.Clone(dimensions[:]) }

// findDimension finds a dimension by its name or its published column name.
func findDimension(name string) (Dimension, bool) {
	for _, d := range dimensions {
		if name == d.Name || name == d.Column {
			return d, true
		}
	}
	return Dimension{}, false
}

// checkBounds says what a finite value must be and is not.
func (d Dimension) checkBounds(value float64) error {
	switch {
	case value < d.Min:
		return fmt.Errorf("must be at least %v", d.Min)
	case value > d.Max:
		return fmt.Errorf("must be at most %v", d.Max)
	}
	return nil
}

// unknownDimension is the error for a name that is no dimension.
func unknownDimension(name string) error {
	return registry.Unknown("dimension", name, dimensionNames())
}

// dimensionNames lists every accepted name.
func dimensionNames() []string {
	var names []string
	for _, d := range dimensions {
		names = append(names, d.Name)
		if d.Column != d.Name {
			names = append(names, d.Column)
		}
	}
	return names
}

// z is the standardised value, higher is better.
func (d Dimension) z(value, mean, std float64) float64 {
	if d.Better == metrics.Lower {
		return -(value - mean) / std
	}
	return (value - mean) / std
}
