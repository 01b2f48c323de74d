package correlation_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/ranking"
	"quba/ranking/correlation"
)

// readGolden reads what scipy says, which is not part of the project.
func readGolden(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "golden", name))
	if err != nil {
		t.Skipf("the reference correlations are not here (../shared beside the project): %v", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// matrices are correlations and p values by scipy.stats.spearmanr; nil is NaN.
type matrices struct {
	Name   string
	X      [][]*float64
	Rho, P [][]*float64
}

// isClose compares with a relative tolerance; a want of nil is NaN.
func isClose(got float64, want *float64, tolerance float64) bool {
	if want == nil {
		return math.IsNaN(got)
	}
	return math.Abs(got-*want) <= tolerance*math.Abs(*want)
}

func TestPublishedCorrelations(t *testing.T) {
	var want matrices
	readGolden(t, "spearman326.json", &want)
	m := correlation.Of(ranking.Published(), correlation.Options{})
	if len(m.Pairs) != 36 || m.Models != 326 {
		t.Fatalf("got %d pairs of %d models, want 36 of 326", len(m.Pairs), m.Models)
	}
	for i, a := range m.Dimensions {
		for j := i + 1; j < len(m.Dimensions); j++ {
			p, _ := m.Pair(a, m.Dimensions[j])
			if !isClose(p.Rho, want.Rho[i][j], 1e-12) || !isClose(p.P, want.P[i][j], 1e-12) || p.N != 326 || p.Method != correlation.StudentT {
				t.Errorf("got %+v, want rho %v, p %v", p, *want.Rho[i][j], *want.P[i][j])
			}
		}
	}
}

// The adjusted p values are those of the definition: the smallest p·36/k of the
// tests that are no smaller, k counting those up to it.
func TestAdjustedOverAllPairs(t *testing.T) {
	pairs := correlation.Of(ranking.Published(), correlation.Options{}).Pairs
	for _, p := range pairs {
		want := 1.0
		for _, q := range pairs {
			if q.P < p.P {
				continue
			}
			upTo := 0
			for _, r := range pairs {
				if r.P <= q.P {
					upTo++
				}
			}
			want = min(want, q.P*36/float64(upTo))
		}
		if !isClose(p.Adjusted, &want, 1e-12) {
			t.Errorf("%s, %s: got %v, want %v", p.A, p.B, p.Adjusted, want)
		}
	}
}

// Ties, missing values, few models and constant columns. scipy takes Student's
// t for any number of models, and that is what is compared.
func TestCorrelationsOfScipy(t *testing.T) {
	var file struct{ Cases []matrices }
	readGolden(t, "spearman_cases.json", &file)
	if len(file.Cases) < 5 {
		t.Fatalf("only %d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			for i := range c.Rho {
				for j := range c.Rho {
					if i == j {
						continue // the authors set the diagonal
					}
					rho, n := correlation.Spearman(columnOf(c.X, i), columnOf(c.X, j))
					if !isClose(rho, c.Rho[i][j], 1e-12) {
						t.Errorf("%d,%d: got rho %v, want %v", i, j, rho, text(c.Rho[i][j]))
					}
					if p := correlation.TTest(rho, n); !isClose(p, c.P[i][j], 1e-12) {
						t.Errorf("%d,%d: got p %v, want %v", i, j, p, text(c.P[i][j]))
					}
				}
			}
		})
	}
}

func columnOf(x [][]*float64, column int) []float64 {
	values := make([]float64, len(x))
	for i, row := range x {
		values[i] = math.NaN()
		if row[column] != nil {
			values[i] = *row[column]
		}
	}
	return values
}

func text(v *float64) any {
	if v == nil {
		return "NaN"
	}
	return *v
}

// Counted by hand: the strongest of n! orders and their mirror images, and with
// ties those of the two equal values.
func TestPermutationTest(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4}, []float64{10, 20, 30, 40}, 2. / 24},
		{[]float64{1, 2, 3, 4}, []float64{4, 3, 2, 1}, 2. / 24},
		{[]float64{1, 2}, []float64{1, 2}, 1},
		{[]float64{1, 1, 2}, []float64{1, 1, 2}, 1. / 3},
		{[]float64{1, 1, 1}, []float64{1, 2, 3}, math.NaN()},
		{make([]float64, 10), make([]float64, 10), math.NaN()},
	} {
		if got := correlation.PermutationTest(c.x, c.y); !isClose(got, orNil(c.want), 1e-15) {
			t.Errorf("%v, %v: got %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func orNil(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// Under independence an exact p value of at most a level comes up at most that
// often: all orders of y are equally likely.
func TestPermutationTestIsExact(t *testing.T) {
	x := []float64{1, 2, 3, 4, 5}
	var p []float64
	var orders func(y []float64, rest []float64)
	orders = func(y, rest []float64) {
		if len(rest) == 0 {
			p = append(p, correlation.PermutationTest(x, y))
		}
		for i := range rest {
			orders(append(slices.Clone(y), rest[i]), slices.Delete(slices.Clone(rest), i, i+1))
		}
	}
	orders(nil, x)
	for _, level := range p {
		atMost := 0
		for _, other := range p {
			if other <= level {
				atMost++
			}
		}
		if share := float64(atMost) / float64(len(p)); share != level {
			t.Fatalf("p <= %v in %v of %d orders", level, share, len(p))
		}
	}
}

func TestSpearmanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 30).Draw(t, "n")
		value := rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(-8, 8).Draw(t, "value")) })
		x := rapid.SliceOfN(value, n, n).Draw(t, "x")
		y := rapid.SliceOfN(value, n, n).Draw(t, "y")
		rho, _ := correlation.Spearman(x, y)
		turned, _ := correlation.Spearman(y, x)
		mapped := make([]float64, n)
		for i := range x {
			mapped[i] = -math.Exp(x[i])
		}
		against, _ := correlation.Spearman(mapped, y)
		if math.IsNaN(rho) {
			if slices.Min(x) != slices.Max(x) && slices.Min(y) != slices.Max(y) {
				t.Fatalf("NaN for %v, %v", x, y)
			}
			return
		}
		if math.Abs(rho) > 1+1e-15 || turned != rho || against != -rho {
			t.Fatalf("%v, turned %v, against a falling map %v", rho, turned, against)
		}
	})
}

func cohort(accuracy []float64, shape ...float64) ranking.Cohort {
	var c ranking.Cohort
	for i, v := range accuracy {
		values := map[string]ranking.Value{"accuracy": {Value: v}}
		if i < len(shape) {
			values["shape_bias"] = ranking.Value{Value: shape[i]}
		}
		c.Models = append(c.Models, ranking.Model{Values: values})
	}
	return c
}

// A model counts where it has both dimensions in full.
func TestMissingAndIncompleteValues(t *testing.T) {
	c := cohort([]float64{0.1, 0.2, 0.3, 0.4, 0.5}, 0.3, 0.2, 0.1, 0.9)
	c.Models[3].Values["shape_bias"] = ranking.Value{Value: 0.9, Partial: true}
	m := correlation.Of(c, correlation.Options{})
	if !slices.Equal(m.Dimensions, []string{"accuracy", "shape_bias"}) {
		t.Fatalf("dimensions %v", m.Dimensions)
	}
	if p := m.Pairs[0]; p.N != 3 || p.Rho != -1 || p.Method != correlation.Exact || p.P != 1./3 || p.Adjusted != p.P {
		t.Errorf("got %+v", p)
	}
	if !strings.Contains(strings.Join(m.Notes, "\n"), "1 incomplete values of shape_bias") {
		t.Errorf("notes %q", m.Notes)
	}
	m = correlation.Of(c, correlation.Options{AllowPartial: true})
	if p := m.Pairs[0]; p.N != 4 || len(m.Notes) != 0 {
		t.Errorf("got %+v, notes %q", p, m.Notes)
	}
}

func TestConstantDimensionsAreNoTests(t *testing.T) {
	c := cohort([]float64{0.1, 0.2, 0.3, 0.4}, 0.5, 0.5, 0.5, 0.5)
	for i := range c.Models {
		c.Models[i].Values["parameters"] = ranking.Value{Value: float64(i)}
	}
	m := correlation.Of(c, correlation.Options{})
	constant, _ := m.Pair("shape_bias", "accuracy")
	if constant.Defined() || !math.IsNaN(constant.P) || !math.IsNaN(constant.Adjusted) {
		t.Errorf("got %+v", constant)
	}
	if p, _ := m.Pair("accuracy", "parameters"); p.Rho != 1 || p.Adjusted != 2./24 {
		t.Errorf("got %+v; the other pairs are no tests", p)
	}
}
