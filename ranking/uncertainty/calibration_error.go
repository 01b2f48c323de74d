package uncertainty

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"quba/metrics"
	"quba/pipeline/record"
)

func init() {
	register("calibration_error", kind{
		columns: []string{record.ColConfidence, record.ColProbs},
		make:    newCalibrationError,
	})
}

// calibrationError is sqrt(ECE * ACE).
//
// The ECE is that of the draw: the images are weighted within its bins. The ACE
// is linearised: its bins and the signs of their gaps are those of the sample,
// so that each image has one contribution (the infinitesimal jackknife of
// Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, chapter
// 6). Binning all probabilities of all classes anew in every draw would take
// thousands of times as long. The ACE of a draw thus shows the spread of the
// ACE, and not the bias that noise within bins adds to it; where the noise of a
// bin is larger than its gap it overstates the spread.
type calibrationError struct {
	edges []float32 // lower edges of the bins of the ECE
	of    *images
	rows  []calibrationRow
	probs []float32 // row after row, until they are folded into the rows
}

type calibrationRow struct {
	image    int
	bin      int
	label    int32
	gap      float64 // 1 if correct, else 0, minus the confidence
	adaptive float64 // contribution to the ACE
}

func newCalibrationError(q request) (statistic, error) {
	bins, _ := metrics.ReliabilityBins(q.value.Parts)
	if bins == nil {
		return nil, errors.New("the stored score has no reliability bins")
	}
	c := &calibrationError{}
	for _, bin := range bins {
		c.edges = append(c.edges, bin.Lower)
	}
	return c, nil
}

func (c *calibrationError) observe(role string, r rows, i int, of image) error {
	if role != roleClean {
		return unknownRole(role)
	}
	probs := r.probabilities(i)
	if len(probs) == 0 || len(c.probs) != len(c.rows)*len(probs) {
		return fmt.Errorf("sample %q: has %d probabilities; every sample must have as many as there are classes", r.id.Value(i), len(probs))
	}
	confidence := min(r.confidence[i], 1)
	row := calibrationRow{image: of.at, bin: len(c.edges) - 1, label: r.label[i], gap: -float64(confidence)}
	for confidence < c.edges[row.bin] {
		row.bin--
	}
	if r.correct.Value(i) {
		row.gap++
	}
	c.of = of.of
	c.rows = append(c.rows, row)
	for _, p := range probs {
		c.probs = append(c.probs, min(p, 1))
	}
	return nil
}

// complete turns the probabilities into contributions and lets go of them: those
// of one model at a time need to be in memory.
func (c *calibrationError) complete() error {
	if len(c.probs) == 0 {
		return nil
	}
	labels := make([]int32, len(c.rows))
	for i, row := range c.rows {
		labels[i] = row.label
	}
	for i, contribution := range adaptiveContributions(c.probs, labels) {
		c.rows[i].adaptive = contribution
	}
	c.probs = nil
	return nil
}

func (c *calibrationError) arrange() {
	slices.SortFunc(c.rows, func(a, b calibrationRow) int {
		return cmp.Or(cmp.Compare(c.of.ranks[a.image], c.of.ranks[b.image]), cmp.Compare(a.gap, b.gap), cmp.Compare(a.adaptive, b.adaptive))
	})
}

func (c *calibrationError) value(d draw) (float64, bool) {
	if c.of == nil {
		return 0, false
	}
	w := d[c.of.set]
	gaps := make([]float64, len(c.edges))
	adaptive, n := 0.0, 0.0
	for i := range c.rows {
		row := &c.rows[i]
		weight := float64(w.each[row.image])
		gaps[row.bin] += weight * row.gap
		adaptive += weight * row.adaptive
		n += weight
	}
	expected := 0.0
	for _, gap := range gaps {
		expected += math.Abs(gap)
	}
	return math.Sqrt(expected / n * max(0, adaptive/n)), n > 0
}
