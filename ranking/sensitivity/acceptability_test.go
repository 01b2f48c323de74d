package sensitivity

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// With two dimensions, (1, 0) beats (0, a) where w > a/(1+a).
func TestAcceptabilityOfTwoModels(t *testing.T) {
	const a = 3
	m := matrixOf([][]float64{{1, 0}, {0, a}}, 1, 1)
	got := ok[Acceptability](t)(m.Acceptability(Uniform(), nil, Simulation{Draws: 40_000}))
	first := got.Models[0]
	near(t, "first", first.Ranks[0], 1./(1+a), 0.01)
	near(t, "second", first.Ranks[1], a/(1.+a), 0.01)
	near(t, "wins", got.Wins[0][1], first.Ranks[0], 0)
	near(t, "central weight", first.CentralWeights[0], (a/(1.+a)+1)/2, 0.01)
	near(t, "confidence", first.Confidence, 1, 0)
	near(t, "score draws", float64(got.ScoreDraws), 0, 0)
}

// reference counts ranks and wins by comparing all pairs of every draw.
func reference(t *rapid.T, m Matrix, law Law, draws [][][]float64, s Simulation) (ranks, wins, weights [][]float64) {
	n := len(m.Models)
	ranks, wins, weights = grid[float64](n, n), grid[float64](n, n), grid[float64](n, len(m.Dimensions))
	w := make([]float64, len(m.Dimensions))
	for draw := range s.Draws {
		if err := s.weightsOf(draw, law, w); err != nil {
			t.Fatal(err)
		}
		z := draws[draw%len(draws)]
		for i := range n {
			higher := 0
			for k := range n {
				if dot(z[k], w) > dot(z[i], w)+tieTolerance {
					higher++
					wins[k][i] += 1 / float64(s.Draws)
				}
			}
			ranks[i][higher] += 1 / float64(s.Draws)
			if higher == 0 {
				for d, v := range w {
					weights[i][d] += v
				}
			}
		}
	}
	return ranks, wins, weights
}

func TestAcceptabilityIsThatOfTheReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := drawMatrix(rt, 1)
		other := slices.Clone(m.Z)
		slices.Reverse(other)
		draws := [][][]float64{m.Z, other, m.Z}
		s := Simulation{Seed: rapid.Uint64().Draw(rt, "seed"), Draws: rapid.IntRange(1, 200).Draw(rt, "draws"), Workers: 2}
		got, err := m.Acceptability(Uniform(), draws, s)
		if err != nil {
			rt.Fatal(err)
		}
		ranks, wins, weights := reference(rt, m, Uniform(), draws, s)
		for i, model := range got.Models {
			total := 0.0
			for k := range got.Models {
				near(rt, "rank", model.Ranks[k], ranks[i][k], 1e-9)
				near(rt, "wins", got.Wins[i][k], wins[i][k], 1e-9)
				total += model.Ranks[k]
			}
			near(rt, "sum of the ranks", total, 1, 1e-12)
			if (model.CentralWeights == nil) != (ranks[i][0] == 0) {
				rt.Fatalf("%s: central weights %v, first in %v", model.Model, model.CentralWeights, ranks[i][0])
			}
			if model.CentralWeights == nil {
				continue
			}
			normalise(weights[i])
			for d, v := range model.CentralWeights {
				near(rt, "central weight", v, weights[i][d], 1e-9)
			}
		}
	})
}

func TestConfidenceIsTheShareOfScoreDraws(t *testing.T) {
	better, worse := [][]float64{{1, 1}, {0, 0}}, [][]float64{{0, 0}, {1, 1}}
	got := ok[Acceptability](t)(matrixOf(better, 1, 1).Acceptability(Uniform(), [][][]float64{better, worse, better, better}, Simulation{Draws: 1000}))
	near(t, "confidence", got.Models[0].Confidence, 0.75, 0)
	near(t, "first", got.Models[0].Ranks[0], 0.75, 0)
	near(t, "second model", got.Models[1].Confidence, 0.25, 0)
	near(t, "score draws", float64(got.ScoreDraws), 4, 0)
}

func TestModelsAlikeShareTheirRank(t *testing.T) {
	got := ok[Acceptability](t)(matrixOf([][]float64{{1, 0}, {1, 0}}, 1, 1).Acceptability(Uniform(), nil, Simulation{Draws: 100}))
	near(t, "first", got.Models[1].Ranks[0], 1, 0)
	near(t, "wins", got.Wins[0][1]+got.Wins[1][0], 0, 0)
}

func TestWorkersDoNotChangeAByte(t *testing.T) {
	defer goleak.VerifyNone(t)
	m := published(t)
	var want []byte
	for _, workers := range []int{1, 2, 7} {
		s := Simulation{Seed: 5, Draws: 301, Workers: workers}
		var all []any
		for _, law := range m.Laws() {
			all = append(all, ok[Acceptability](t)(m.Acceptability(law, nil, s)), ok[Influence](t)(m.Influence(law, s)))
		}
		all = append(all, ok[Curve](t)(m.Curve(10, s)))
		got := ok[[]byte](t)(json.Marshal(all))
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d workers give other bytes", workers)
		}
	}
}

func TestSimulationFaults(t *testing.T) {
	m := matrixOf([][]float64{{1, 0}, {0, 1}}, 1, 1)
	for want, call := range map[string]func() error{
		"draws and workers must be at least 1": func() error { _, err := m.Acceptability(Uniform(), nil, Simulation{Draws: -1}); return err },
		"draw 0 must have 2 models, has 1": func() error {
			_, err := m.Acceptability(Uniform(), [][][]float64{{{1, 0}}}, Simulation{})
			return err
		},
		`model "m1": must have 2 dimensions, has 1`: func() error {
			_, err := m.Acceptability(Uniform(), [][][]float64{{{1, 0}, {1}}}, Simulation{})
			return err
		},
		"the law of the weights is empty": func() error { _, err := m.Acceptability(Law{}, nil, Simulation{}); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// JSON has no words for what is not finite.
func TestResultsAreJSON(t *testing.T) {
	m := published(t)
	for _, result := range []any{
		m.Dominance(), flips(t, m), ok[[]Ablation](t)(m.Ablate(Groups())), ok[Explanation](t)(m.Why(0)),
		ok[Comparison](t)(m.Compare(0, 1)), ok[[]ScenarioRanking](t)(m.ScoreScenarios(Scenarios(), 10)),
	} {
		if _, err := json.Marshal(result); err != nil {
			t.Errorf("%T: %v", result, err)
		}
	}
}

// BenchmarkAcceptability ranks 326 models under 10,000 weight vectors.
func BenchmarkAcceptability(b *testing.B) {
	m := published(b)
	for _, law := range m.Laws() {
		b.Run(law.Name, func(b *testing.B) {
			for b.Loop() {
				if _, err := m.Acceptability(law, nil, Simulation{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReport makes all else that a report shows of 326 models.
func BenchmarkReport(b *testing.B) {
	m := published(b)
	for name, call := range map[string]func() error{
		"curve":     func() error { _, err := m.Curve(10, Simulation{}); return err },
		"influence": func() error { _, err := m.Influence(Uniform(), Simulation{}); return err },
		"flips":     func() error { _, err := m.Flips(); return err },
		"dominance": func() error { m.Dominance(); return nil },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
