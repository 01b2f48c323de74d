package uncertainty

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"quba/pipeline/record"
)

func init() {
	register("class_balance", kind{
		columns: []string{record.ColPTrue},
		make:    func(request) (statistic, error) { return &classBalance{}, nil },
	})
}

// classBalance is the geometric mean of 1 - std_k(accuracy of class k), with
// ddof 1, and 1 - mean_k(std of the true-class probability within class k),
// with ddof 0, over the classes that a draw has images of.
type classBalance struct {
	of      *images
	rows    []classRow
	classes [][]classRow // rows by class, those of a class in the order of their ranks
}

type classRow struct {
	image   int
	class   int32
	correct bool
	pTrue   float64 // minus the class's mean once arranged, so that squares stay small
}

func (c *classBalance) observe(role string, r rows, i int, of image) error {
	if role != roleClean {
		return unknownRole(role)
	}
	if r.label[i] < 0 || r.pTrue.IsNull(i) {
		return fmt.Errorf("sample %q has no label", r.id.Value(i))
	}
	c.of = of.of
	c.rows = append(c.rows, classRow{image: of.at, class: r.label[i], correct: r.correct.Value(i), pTrue: float64(r.pTrue.Value(i))})
	return nil
}

func (c *classBalance) arrange() {
	slices.SortFunc(c.rows, func(a, b classRow) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(c.of.ranks[a.image], c.of.ranks[b.image]), cmp.Compare(a.pTrue, b.pTrue))
	})
	for start := 0; start < len(c.rows); {
		end := start + 1
		for end < len(c.rows) && c.rows[end].class == c.rows[start].class {
			end++
		}
		centre(c.rows[start:end])
		c.classes = append(c.classes, c.rows[start:end])
		start = end
	}
}

func centre(rows []classRow) {
	mean := 0.0
	for _, r := range rows {
		mean += r.pTrue / float64(len(rows))
	}
	for i := range rows {
		rows[i].pTrue -= mean
	}
}

func (c *classBalance) value(d draw) (float64, bool) {
	if c.of == nil {
		return 0, false
	}
	w := d[c.of.set]
	var accuracies runningMoments
	spreads := 0.0
	for _, class := range c.classes {
		if m := momentsOf(class, w); m.n > 0 {
			accuracies.add(m.correct / m.n)
			spreads += m.spread()
		}
	}
	if accuracies.n < 2 {
		return 0, false
	}
	accuracyBalance := 1 - math.Sqrt(accuracies.m2/float64(accuracies.n-1))
	confidenceBalance := 1 - spreads/float64(accuracies.n)
	return math.Sqrt(accuracyBalance * confidenceBalance), true
}

// moments are weighted sums over the rows of a class.
type moments struct{ n, correct, sum, squares float64 }

func momentsOf(class []classRow, w *weights) moments {
	var m moments
	for i := range class {
		row := &class[i]
		weight := float64(w.each[row.image])
		m.n += weight
		if row.correct {
			m.correct += weight
		}
		m.sum += weight * row.pTrue
		m.squares += weight * row.pTrue * row.pTrue
	}
	return m
}

// spread is the population standard deviation.
func (m moments) spread() float64 {
	mean := m.sum / m.n
	return math.Sqrt(max(0, m.squares/m.n-mean*mean))
}

// runningMoments are Welford's.
type runningMoments struct {
	n        int
	mean, m2 float64
}

func (r *runningMoments) add(x float64) {
	r.n++
	delta := x - r.mean
	r.mean += delta / float64(r.n)
	r.m2 += delta * (x - r.mean)
}
