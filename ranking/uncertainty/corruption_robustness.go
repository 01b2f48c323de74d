package uncertainty

import (
	"fmt"
	"slices"
	"strings"

	"quba/metrics"
)

func init() {
	register("corruption_robustness", kind{make: func(request) (statistic, error) {
		scored, _ := metrics.CorruptionNames()
		return &corruptionRobustness{names: scored, places: map[string]int{}, cells: make([][severities]tally, len(scored))}, nil
	}})
}

const severities = 5

// corruptionRobustness is the mean over the corruptions of the mean over their
// severities of accuracy divided by clean accuracy.
type corruptionRobustness struct {
	names  []string
	places map[string]int // perturbation -> place among names, -1 for an extra one
	clean  tally
	cells  [][severities]tally
}

func (c *corruptionRobustness) observe(role string, r rows, i int, of image) error {
	hit := r.correct.Value(i)
	switch role {
	case roleClean:
		c.clean.add(of, hit)
		return nil
	case "corrupted":
	default:
		return unknownRole(role)
	}
	severity := r.severity[i]
	if severity < 1 || severity > severities {
		return fmt.Errorf("sample %q: severity must be 1..%d, got %d", r.id.Value(i), severities, severity)
	}
	if at := c.place(r.perturbation.Value(i)); at >= 0 {
		c.cells[at][severity-1].add(of, hit)
	}
	return nil
}

// place finds the corruption that a chain of perturbations ends in.
func (c *corruptionRobustness) place(perturbation string) int {
	if at, ok := c.places[perturbation]; ok {
		return at
	}
	name := perturbation[strings.LastIndexByte(perturbation, '+')+1:]
	if name == "frost_procedural" {
		name = "frost"
	}
	at := slices.Index(c.names, name)
	c.places[strings.Clone(perturbation)] = at
	return at
}

func (c *corruptionRobustness) value(d draw) (float64, bool) {
	clean := c.clean.count(d)
	if clean.hits == 0 {
		return 0, false
	}
	sum, corruptions := 0.0, 0
	for i := range c.cells {
		if ratio, seen := c.relative(i, clean.rate(), d); seen {
			sum += ratio
			corruptions++
		}
	}
	return sum / float64(corruptions), corruptions > 0
}

// relative is the mean over the severities that were seen of accuracy divided
// by clean accuracy.
func (c *corruptionRobustness) relative(corruption int, clean float64, d draw) (ratio float64, seen bool) {
	n := 0
	for i := range c.cells[corruption] {
		if cell := c.cells[corruption][i].count(d); cell.n > 0 {
			ratio += cell.rate() / clean
			n++
		}
	}
	return ratio / float64(max(n, 1)), n > 0
}
