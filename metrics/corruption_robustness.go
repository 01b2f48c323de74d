package metrics

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "corruption_robustness",
		"Mean over 15 corruptions and 5 severities of accuracy relative to clean accuracy; also mCE.",
		corruptionOptions{Baseline: "none"}, newCorruptionRobustness)
}

type corruptionOptions struct {
	Baseline string `koanf:"baseline" jsonschema:"enum=none,enum=alexnet" jsonschema_description:"alexnet: also report mCE and relative mCE, which set the errors against those that Hendrycks and Dietterich (2019) published for AlexNet."`
}

const roleCorrupted = "corrupted"

// maxSeverity is the highest severity of a corruption; the lowest is 1.
const maxSeverity = 5

func newCorruptionRobustness(o corruptionOptions) (Spec, error) {
	return Spec{
		Better: Higher,
		Roles:  []Role{cleanRole, {Name: roleCorrupted, Doc: "predictions on the corrupted images"}},
		New:    func(Env) Metric { return &corruptionRobustness{alexNet: o.Baseline == "alexnet"} },
	}, nil
}

// corruptionRobustness is the mean over the corruptions of ImageNet-C of the
// mean over their severities of accuracy divided by clean accuracy. The
// protocols differ in the pixels that the model is given, not here.
//
// Parts: clean is the clean accuracy; fog the mean of accuracy divided by
// clean accuracy over the severities of fog; fog/3 the accuracy at severity 3.
// With baseline alexnet and all 75 cells, in percent of AlexNet: fog/ce, mce
// and relative_mce.
//
// The last element of a chained perturbation ("edges+fog") is the corruption.
type corruptionRobustness struct {
	alexNet    bool
	clean      tally
	perturbed  perturbed
	cells      [len(corruptionNames) + len(extraCorruptionNames)][maxSeverity]tally
	procedural bool
	chain      chain
}

// tally counts right predictions.
type tally struct{ n, correct int64 }

func (t *tally) add(correct bool) {
	t.n++
	if correct {
		t.correct++
	}
}

// accuracy is of no meaning when n is 0.
func (t tally) accuracy() float64 { return float64(t.correct) / float64(t.n) }

var _ Metric = (*corruptionRobustness)(nil)

func (c *corruptionRobustness) Observe(role string, v record.View) error {
	observe := c.observeCorrupted
	switch role {
	case roleClean:
		observe = c.observeClean
	case roleCorrupted:
	default:
		return fmt.Errorf("unknown role %q; must be %q or %q", role, roleClean, roleCorrupted)
	}
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		if err := observe(v, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *corruptionRobustness) observeClean(v record.View, i int) error {
	c.perturbed.observe(v, i)
	c.clean.add(v.Correct(i))
	return nil
}

func (c *corruptionRobustness) observeCorrupted(v record.View, i int) error {
	before, name := splitPerturbation(v.Perturbation(i))
	if name == proceduralFrost {
		c.procedural = true
		name = "frost"
	}
	corruption := corruptionIndex(name)
	if corruption < 0 {
		return fmt.Errorf("sample %q: perturbation %q is none of the corruptions %s", v.ID(i), v.Perturbation(i), strings.Join(corruptionNames[:], ", "))
	}
	severity := v.Severity(i)
	if severity < 1 || severity > maxSeverity {
		return fmt.Errorf("sample %q: severity of %s must be 1..%d, got %d", v.ID(i), name, maxSeverity, severity)
	}
	if err := c.chain.observe(before); err != nil {
		return err
	}
	c.cells[corruption][severity-1].add(v.Correct(i))
	return nil
}

// corruptionIndex is the place of a corruption among the 15, then the extras;
// -1 if it is none.
func corruptionIndex(name string) int {
	if i := slices.Index(corruptionNames[:], name); i >= 0 {
		return i
	}
	if i := slices.Index(extraCorruptionNames[:], name); i >= 0 {
		return len(corruptionNames) + i
	}
	return -1
}

func (c *corruptionRobustness) Score() (Score, error) {
	if c.clean.n == 0 {
		return Score{}, errNothingSeen
	}
	if c.clean.correct == 0 {
		return Score{}, fmt.Errorf("clean accuracy is 0 over %d images; accuracy relative to it is not defined", c.clean.n)
	}
	s := Score{Parts: []Part{{Name: "clean", Value: c.clean.accuracy(), N: c.clean.n}}}
	sum, corruptions := 0.0, 0
	for i := range c.cells {
		ratio, n := c.relative(i)
		if n == 0 {
			continue
		}
		s.Parts = append(s.Parts, c.parts(i, ratio, n)...)
		if i < len(corruptionNames) {
			sum += ratio
			corruptions++
			s.N += n
		}
	}
	if corruptions == 0 {
		return Score{}, errors.New("none of the 15 corruptions was seen; a score needs at least one")
	}
	s.Value = sum / float64(corruptions)
	s.Missing = c.missing()
	s.Notes = c.notes()
	if c.alexNet {
		c.compare(&s)
	}
	return s, nil
}

// relative is the mean over the severities that were seen of accuracy divided
// by clean accuracy, and the number of samples.
func (c *corruptionRobustness) relative(corruption int) (ratio float64, n int64) {
	severities := 0
	for _, cell := range c.cells[corruption] {
		if cell.n > 0 {
			ratio += cell.accuracy() / c.clean.accuracy()
			n += cell.n
			severities++
		}
	}
	return ratio / float64(max(severities, 1)), n
}

func (c *corruptionRobustness) parts(corruption int, ratio float64, n int64) []Part {
	name := nameOfCorruption(corruption)
	parts := []Part{{Name: name, Value: ratio, N: n}}
	for i, cell := range c.cells[corruption] {
		if cell.n > 0 {
			parts = append(parts, Part{Name: cellName(name, i), Value: cell.accuracy(), N: cell.n})
		}
	}
	return parts
}

func nameOfCorruption(i int) string {
	if i < len(corruptionNames) {
		return corruptionNames[i]
	}
	return extraCorruptionNames[i-len(corruptionNames)]
}

func cellName(corruption string, i int) string { return fmt.Sprintf("%s/%d", corruption, i+1) }

// missing lists what was not seen of the 75 cells: severities that no
// corruption has, corruptions that no severity has, then single cells.
func (c *corruptionRobustness) missing() []string {
	var severities, corruptions, cells []string
	var severitySeen [maxSeverity]bool
	for _, row := range c.cells[:len(corruptionNames)] {
		for i, cell := range row {
			severitySeen[i] = severitySeen[i] || cell.n > 0
		}
	}
	for i, seen := range severitySeen {
		if !seen {
			severities = append(severities, fmt.Sprintf("severity %d", i+1))
		}
	}
	for k, row := range c.cells[:len(corruptionNames)] {
		if _, n := c.relative(k); n == 0 {
			corruptions = append(corruptions, corruptionNames[k])
			continue
		}
		for i, cell := range row {
			if cell.n == 0 && severitySeen[i] {
				cells = append(cells, cellName(corruptionNames[k], i))
			}
		}
	}
	return slices.Concat(severities, corruptions, cells)
}

func (c *corruptionRobustness) notes() []string {
	notes := slices.Concat(c.perturbed.notes(c.clean.n), c.chain.notes(), c.uneven())
	if c.procedural {
		notes = append(notes, "frost is procedural, not the original textures")
	}
	return notes
}

// uneven names the first cell that was not measured over as many images as
// clean accuracy, which it is relative to.
func (c *corruptionRobustness) uneven() []string {
	for i, row := range c.cells {
		for severity, cell := range row {
			if cell.n > 0 && cell.n != c.clean.n {
				return []string{fmt.Sprintf("clean accuracy is over %d images, that of %s over %d",
					c.clean.n, cellName(nameOfCorruption(i), severity), cell.n)}
			}
		}
	}
	return nil
}

// compare adds the errors in percent of AlexNet's.
func (c *corruptionRobustness) compare(s *Score) {
	if len(s.Missing) > 0 {
		s.Notes = append(s.Notes, "no mCE: it needs all 75 cells")
		return
	}
	const percent = 100
	cleanError := 1 - c.clean.accuracy()
	ratios, relatives := 0.0, 0.0
	for i, baseline := range alexNetErrors {
		mean := 0.0
		for _, cell := range c.cells[i] {
			mean += (1 - cell.accuracy()) / maxSeverity
		}
		ratio := percent * mean / baseline
		_, n := c.relative(i)
		s.Parts = append(s.Parts, Part{Name: corruptionNames[i] + "/ce", Value: ratio, N: n})
		ratios += ratio
		relatives += percent * (mean - cleanError) / (baseline - alexNetCleanError)
	}
	s.Parts = append(s.Parts,
		Part{Name: "mce", Value: ratios / float64(len(alexNetErrors)), N: s.N},
		Part{Name: "relative_mce", Value: relatives / float64(len(alexNetErrors)), N: s.N})
}

func (*corruptionRobustness) Close() error { return nil }
