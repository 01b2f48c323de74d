package ranking_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quba/metrics"
	"quba/ranking"
)

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, tolerance)
	}
}

func rank(t testing.TB, c ranking.Cohort, o ranking.Options) ranking.Ranking {
	t.Helper()
	r, err := ranking.QUBA(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// cohortOf names the models by their row and the columns by dimension or
// published name.
func cohortOf(columns []string, rows [][]float64) ranking.Cohort {
	canonical := map[string]string{}
	for _, d := range ranking.Dimensions() {
		canonical[d.Name], canonical[d.Column] = d.Name, d.Name
	}
	var c ranking.Cohort
	for i, row := range rows {
		m := ranking.Model{Name: strconv.Itoa(i), Values: map[string]ranking.Value{}}
		for j, v := range row {
			m.Values[canonical[columns[j]]] = ranking.Value{Value: v}
		}
		c.Models = append(c.Models, m)
	}
	return c
}

func TestConstantsAreThePublishedOnes(t *testing.T) {
	var want struct {
		Dimensions               []string
		Weights, Sign, Mean, Std []float64
	}
	readJSON(t, "quba_params.json", &want)
	for i, d := range ranking.Dimensions() {
		sign := 1.0
		if d.Better == metrics.Lower {
			sign = -1
		}
		if d.Column != want.Dimensions[i] || d.Weight != want.Weights[i] || sign != want.Sign[i] || d.Mean != want.Mean[i] || d.Std != want.Std[i] {
			t.Errorf("dimension %d is %+v", i, d)
		}
	}
}

func TestGoldenCases(t *testing.T) {
	var golden struct {
		Cases []struct {
			Name       string
			Dimensions []string
			Rows, Z    [][]float64
			QUBA       []float64
			Rank       []int
		}
	}
	readJSON(t, "quba_cases.json", &golden)
	if len(golden.Cases) != 8 {
		t.Fatalf("want 8 cases, got %d", len(golden.Cases))
	}
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			r := rank(t, cohortOf(c.Dimensions, c.Rows), ranking.Options{AllowPartial: true})
			for _, m := range r.Models {
				i, _ := strconv.Atoi(m.Name)
				near(t, "quba of row "+m.Name, m.QUBA, c.QUBA[i], 1e-12*max(1, math.Abs(c.QUBA[i])))
				if c.Rank != nil && m.Rank != c.Rank[i] {
					t.Errorf("rank of row %d: got %d, want %d", i, m.Rank, c.Rank[i])
				}
				for j, d := range r.Used {
					// The golden z is before the sign of the dimension.
					near(t, "z of "+d.Name, math.Abs(m.Z[d.Name]), math.Abs(c.Z[i][j]), 1e-9)
				}
			}
		})
	}
}

func TestOneSigmaTies(t *testing.T) {
	var rows [][]float64
	for i := range ranking.Dimensions() {
		var row []float64
		for j, d := range ranking.Dimensions() {
			v := d.Mean
			if i == j {
				v += d.Std
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	var names []string
	for _, d := range ranking.Dimensions() {
		names = append(names, d.Name)
	}
	r := rank(t, cohortOf(names, rows), ranking.Options{})
	var order []string
	for _, m := range r.Models {
		order = append(order, m.Name)
		if !m.Tied {
			t.Errorf("row %s equals another in exact arithmetic but is not tied", m.Name)
		}
	}
	// Weights 1 first, in the order of the rows; then the halves, the thirds,
	// and the two that are better when lower.
	if want := []string{"0", "5", "6", "7", "1", "2", "3", "4", "8"}; !slices.Equal(order, want) {
		t.Errorf("order: got %v, want %v", order, want)
	}
}

// expectedRow is a row of quba326_expected.csv.
type expectedRow struct {
	model string
	quba  float64
	rank  int
}

func expectedPublished(t *testing.T) []expectedRow {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "quba326_expected.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var expected []expectedRow
	for _, row := range rows[1:] {
		quba, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		place, err := strconv.Atoi(row[3])
		if err != nil {
			t.Fatal(err)
		}
		expected = append(expected, expectedRow{row[1], quba, place})
	}
	return expected
}

func TestPublishedTable(t *testing.T) {
	expected := expectedPublished(t)
	c := ranking.Published()
	if len(c.Models) != 326 || len(expected) != 326 {
		t.Fatalf("got %d rows and %d expected ones, want 326", len(c.Models), len(expected))
	}
	r := rank(t, c, ranking.Options{})
	for _, m := range r.Models {
		want := expected[rowOf(t, m)]
		near(t, "quba of "+m.Name, m.QUBA, want.quba, 1e-12)
		if m.Rank != want.rank || m.Name != strings.TrimSpace(want.model) {
			t.Errorf("%s (%s): rank %d, want %s with %d", m.Name, m.Source, m.Rank, want.model, want.rank)
		}
	}
	if best := r.Models[0]; best.Name != "EVA02-b" || math.Abs(best.QUBA-1.0738) > 5e-5 {
		t.Errorf("best is %s with %v", best.Name, best.QUBA)
	}
}

// rowOf finds the row number in the line that a model was read from.
func rowOf(t *testing.T, m ranking.Ranked) int {
	t.Helper()
	line, err := strconv.Atoi(m.Source[len("published.csv:"):])
	if err != nil {
		t.Fatal(err)
	}
	return line - 2
}

// The bounds of the readers let every row of the golden table through.
func TestGoldenTableIsWithinBounds(t *testing.T) {
	path := filepath.Join("..", "..", "shared", "golden", "quba326.csv")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the shared folder is not there:", err)
	}
	c, err := ranking.Read([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Models) != 326 {
		t.Errorf("got %d models, want 326", len(c.Models))
	}
}

func TestDamageFlags(t *testing.T) {
	var trainMode, doubleSoftmax, damaged, adversarial int
	for _, m := range ranking.Published().Models {
		flags := ranking.DamageOf(m)
		if len(flags) > 0 {
			damaged++
		}
		value := func(name string) float64 { return m.Values[name].Value }
		mode := value("corruption_robustness") < 0.16 && value("adversarial_robustness") > 0.1
		double := value("class_balance") > 0.86
		if mode != slices.Contains(flags, ranking.TrainMode) || double != slices.Contains(flags, ranking.DoubleSoftmax) {
			t.Errorf("%s: flags %v, the rules say %v and %v", m.Source, flags, mode, double)
		}
		if mode {
			trainMode++
		}
		if double {
			doubleSoftmax++
		}
		if m.Labels["training"] == "A[1,2,3]" && mode {
			adversarial++
		}
	}
	if trainMode != 69 || doubleSoftmax != 30 || damaged != 98 || adversarial != 57 {
		t.Errorf("got %d + %d = %d damaged rows, %d of A1-A3; want 69 + 30 = 98, 57", trainMode, doubleSoftmax, damaged, adversarial)
	}
}
