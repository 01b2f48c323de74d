package uncertainty

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// pisa is the example of csranks, the package of the authors of the rank sets:
// countries, their scores with standard errors, and its sets for them.
type pisa struct {
	countries []string
	scores    scores
	want      map[string][]RankSet
}

// readPISA makes draws as csranks does: normal, without correlation.
func readPISA(t *testing.T, draws int) pisa {
	t.Helper()
	file, err := os.Open("testdata/pisa2018_math.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	p := pisa{want: map[string][]RankSet{}}
	random := rand.New(rand.NewPCG(101, 0))
	for _, row := range rows[1:] {
		score, se := parseNumber(t, row[1]), parseNumber(t, row[2])
		noisy := make([]float64, draws)
		for b := range noisy {
			noisy[b] = score + se*random.NormFloat64()
		}
		p.countries = append(p.countries, row[0])
		p.scores.values, p.scores.draws = append(p.scores.values, score), append(p.scores.draws, noisy)
		for column := 3; column < len(row); column++ {
			var set RankSet
			if _, err := fmt.Sscanf(row[column], "%d-%d", &set.Low, &set.High); err != nil {
				t.Fatal(err)
			}
			p.want[rows[0][column]] = append(p.want[rows[0][column]], set)
		}
	}
	return p
}

func parseNumber(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestRankSetsAreThoseOfCSRanks allows what csranks itself differs by between
// seeds: one or two of its 74 bounds, by one rank.
func TestRankSetsAreThoseOfCSRanks(t *testing.T) {
	p := readPISA(t, 40_000)
	d := newDifferences(p.scores)
	all := [][]int{d.all()}
	for name, c := range map[string]struct {
		singleStep bool
		families   [][]int
	}{
		"simultaneous": {false, all}, "single_step": {true, all}, "marginal": {false, d.rows()},
	} {
		got, _ := d.rankSets(Options{Level: 0.95, SingleStep: c.singleStep}, c.families)
		off := 0
		for m, want := range p.want[name] {
			low, high := got[m].Low-want.Low, got[m].High-want.High
			if max(low, -low, high, -high) > 1 {
				t.Errorf("%s, %s: got %v, csranks has %v", name, p.countries[m], got[m], want)
			}
			off += max(low, -low) + max(high, -high)
		}
		t.Logf("%s: %d bounds differ, by a rank each", name, off)
		if off > 2 {
			t.Errorf("%s: %d of %d bounds are not those of csranks", name, off, 2*len(got))
		}
	}
}

// TestBestOfPISA: the documentation of csranks lists these countries as those
// that may be among the five best, and leaves out Sweden at the level 0.9.
func TestBestOfPISA(t *testing.T) {
	documented := []string{
		"Belgium", "Canada", "Denmark", "Estonia", "Finland", "Japan", "Korea", "Netherlands", "Poland", "Slovenia", "Sweden", "Switzerland",
	}
	withoutSweden := slices.DeleteFunc(slices.Clone(documented), func(country string) bool { return country == "Sweden" })
	p := readPISA(t, 10_000)
	for level, want := range map[float64][]string{0.95: documented, 0.9: withoutSweden} {
		r := &Result{Models: make([]Model, len(p.countries))}
		r.addRanks(p.scores, Options{Level: level, Best: 5})
		var got []string
		for _, m := range r.Best.Models {
			got = append(got, p.countries[m])
		}
		if !slices.Equal(got, want) {
			t.Errorf("level %g: got %q, want %q", level, got, want)
		}
	}
}
