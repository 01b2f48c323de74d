package uncertainty

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"quba/metrics"
	"quba/ranking"
)

// population is what images are drawn from: each has a difficulty, and a model
// of some skill classifies it with a probability that both decide. The models
// err on the same hard images, as real ones do, and so do the variants of one
// image.
type population struct {
	skills []float64
	harms  []float64 // by severity of the corruption
}

var simulated = population{skills: []float64{0.9, 0.9, 1.3, 1.6}, harms: []float64{0.5, 1.2}}

// right is the probability of a correct decision; difficulty is uniform in
// [-1, 1].
func right(skill, difficulty, harm float64) float64 {
	return 1 / (1 + math.Exp(-2*(skill-difficulty-harm)))
}

// expected is the accuracy over all difficulties.
func expected(skill, harm float64) float64 {
	const steps = 2000
	sum := 0.0
	for i := range steps {
		sum += right(skill, -1+2*(float64(i)+0.5)/steps, harm) / steps
	}
	return sum
}

// truth is the true accuracy and corruption robustness of each model.
func (p population) truth() (accuracies, robustness []float64) {
	for _, skill := range p.skills {
		clean := expected(skill, 0)
		relative := 0.0
		for _, harm := range p.harms {
			relative += expected(skill, harm) / clean / float64(len(p.harms))
		}
		accuracies, robustness = append(accuracies, clean), append(robustness, relative)
	}
	return accuracies, robustness
}

// cohort draws n images and lets all models classify them.
func (p population) cohort(seed uint64, n int) (*sample, ranking.Ranking) {
	random := rand.New(rand.NewPCG(seed, 17))
	set := newImages(0, fmt.Sprintf("cohort %d", seed))
	names, _ := metrics.CorruptionNames()
	s := &sample{sets: []*images{set}}
	cohort := ranking.Cohort{}
	clean := make([]*accuracy, len(p.skills))
	corrupted := make([]*corruptionRobustness, len(p.skills))
	for m := range p.skills {
		clean[m] = &accuracy{}
		corrupted[m] = &corruptionRobustness{names: names, cells: make([][severities]tally, len(names))}
	}
	for i := range n {
		of := image{set, set.at(fmt.Sprint(i), i-1)}
		difficulty := 2*random.Float64() - 1
		for m, skill := range p.skills {
			hit := random.Float64() < right(skill, difficulty, 0)
			clean[m].clean.add(of, hit)
			corrupted[m].clean.add(of, hit)
			for severity, harm := range p.harms {
				corrupted[m].cells[0][severity].add(of, random.Float64() < right(skill, difficulty, harm))
			}
		}
	}
	d := newDraw(s.sets)
	d.once()
	for m := range p.skills {
		model := ranking.Model{Name: fmt.Sprint(m), Values: map[string]ranking.Value{}}
		for name, statistic := range map[string]statistic{"accuracy": clean[m], "corruption_robustness": corrupted[m]} {
			value, _ := statistic.value(d)
			model.Values[name] = ranking.Value{Value: value, N: int64(n)}
		}
		cohort.Models = append(cohort.Models, model)
	}
	ranked, err := ranking.QUBA(cohort, ranking.Options{AllowPartial: true})
	if err != nil {
		panic(err)
	}
	for place, r := range ranked.Models {
		var m int
		fmt.Sscan(r.Name, &m)
		for name, statistic := range map[string]statistic{"accuracy": clean[m], "corruption_robustness": corrupted[m]} {
			s.subjects = append(s.subjects, subject{model: place, source: r.Name, dimension: name, stored: r.Values[name].Value, statistic: statistic})
		}
	}
	return s, ranked
}

// coverage counts how often intervals and sets hold the truth.
type coverage struct {
	mu           sync.Mutex
	held, all    map[string]int
	marginal     []int // by model
	simultaneous int
	cohorts      int
}

func (c *coverage) add(p population, r *Result) {
	accuracies, robustness := p.truth()
	quba := p.quba(accuracies, robustness)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cohorts++
	allIn := true
	for _, model := range r.Models {
		var m int
		fmt.Sscan(model.Model, &m)
		a, k := model.Dimensions["accuracy"], model.Dimensions["corruption_robustness"]
		c.count("accuracy wilson", *a.Wilson, accuracies[m])
		c.count("accuracy percentile", *a.Percentile, accuracies[m])
		c.count("accuracy bca", *a.BCa, accuracies[m])
		c.count("corruption_robustness percentile", *k.Percentile, robustness[m])
		c.count("corruption_robustness bca", *k.BCa, robustness[m])
		c.count("quba shown", Bounds{model.QUBA.Low, model.QUBA.High}, quba[m])
		best, worst := ranksOf(quba, m)
		if model.Marginal.Low <= best && worst <= model.Marginal.High {
			c.marginal[m]++
		}
		allIn = allIn && model.Simultaneous.Low <= best && worst <= model.Simultaneous.High
	}
	for _, pair := range r.Pairs {
		var first, second int
		fmt.Sscan(r.Models[pair.First].Model, &first)
		fmt.Sscan(r.Models[pair.Second].Model, &second)
		c.count("difference shown", Bounds{pair.QUBA.Low, pair.QUBA.High}, quba[first]-quba[second])
	}
	if allIn {
		c.simultaneous++
	}
}

func (c *coverage) count(name string, b Bounds, truth float64) {
	c.all[name]++
	if b.Low <= truth && truth <= b.High {
		c.held[name]++
	}
}

// quba are the true scores.
func (p population) quba(accuracies, robustness []float64) []float64 {
	quba := make([]float64, len(accuracies))
	for _, d := range ranking.Dimensions() {
		values := map[string][]float64{"accuracy": accuracies, "corruption_robustness": robustness}[d.Name]
		for m, v := range values {
			quba[m] += d.Weight * (v - d.Mean) / d.Std / (1 + 1.0/3)
		}
	}
	return quba
}

// ranksOf are the first and the last rank of a model whose equals share theirs.
func ranksOf(scores []float64, m int) (best, worst int) {
	best, worst = 1, len(scores)
	for _, v := range scores {
		switch {
		case v > scores[m]+negligible:
			best++
		case v < scores[m]-negligible:
			worst--
		}
	}
	return best, worst
}

// simulate draws cohorts and counts.
func simulate(t *testing.T, p population, cohorts, images int, o Options) *coverage {
	t.Helper()
	c := &coverage{held: map[string]int{}, all: map[string]int{}, marginal: make([]int, len(p.skills))}
	work := make(chan int)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for k := range work {
				s, ranked := p.cohort(uint64(k), images)
				own := o
				own.Seed = uint64(k)
				r, err := s.analyse(context.Background(), ranked, own)
				if err != nil {
					t.Error(err)
					return
				}
				c.add(p, r)
			}
		})
	}
	for k := range cohorts {
		work <- k
	}
	close(work)
	group.Wait()
	return c
}

func (c *coverage) check(t *testing.T, low, high, simultaneous float64) {
	t.Helper()
	for name, all := range c.all {
		share := float64(c.held[name]) / float64(all)
		t.Logf("%s: %.4f of %d", name, share, all)
		if share < low || share > high {
			t.Errorf("%s: nominal 95 %% intervals cover %.4f", name, share)
		}
	}
	for m, held := range c.marginal {
		share := float64(held) / float64(c.cohorts)
		t.Logf("marginal rank set of model %d: %.4f", m, share)
		if share < simultaneous {
			t.Errorf("marginal rank sets of model %d cover %.4f", m, share)
		}
	}
	share := float64(c.simultaneous) / float64(c.cohorts)
	t.Logf("simultaneous rank sets: %.4f", share)
	if share < simultaneous {
		t.Errorf("simultaneous rank sets cover %.4f", share)
	}
}

func TestCoverage(t *testing.T) {
	simulate(t, simulated, 150, 300, Options{Draws: 400, Level: 0.95, Best: 1}).check(t, 0.91, 0.985, 0.91)
}

func TestCoverageOf2000Cohorts(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute of simulation; leave out -short to run it")
	}
	simulate(t, simulated, 2000, 300, Options{Draws: 599, Level: 0.95, Best: 1}).check(t, 0.93, 0.97, 0.94)
}

func TestCoverageOfSingleStep(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation; leave out -short to run it")
	}
	simulate(t, simulated, 500, 300, Options{Draws: 400, Level: 0.95, Best: 1, SingleStep: true}).check(t, 0.92, 0.98, 0.93)
}

// TestCoverageOfEqualModels is the hardest case for rank sets: any model that is
// set apart is an error.
func TestCoverageOfEqualModels(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation; leave out -short to run it")
	}
	equal := population{skills: []float64{1, 1, 1, 1}, harms: []float64{0.5}}
	simulate(t, equal, 1000, 300, Options{Draws: 599, Level: 0.95, Best: 1}).check(t, 0.93, 0.97, 0.93)
}
