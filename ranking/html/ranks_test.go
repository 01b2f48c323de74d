package html_test

import (
	"encoding/json"
	"math"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quba/ranking"
	"quba/ranking/html"
	"quba/ranking/uncertainty"
)

// dataOf reads the data of a page into a value.
func dataOf(t *testing.T, page []byte, into any) {
	t.Helper()
	block := regexp.MustCompile(`(?s)id="data">(.*?)</script>`).FindSubmatch(page)
	if block == nil {
		t.Fatal("the page has no data")
	}
	check(t, json.Unmarshal(block[1], into))
}

// A bootstrap lists models by rank, the page by their places in the cohort.
func TestUncertaintyFindsItsModels(t *testing.T) {
	c := fullCohort()
	certain := uncertainty.Interval{Value: 3, Low: 3, High: 3, Method: uncertainty.Constant}
	r := &uncertainty.Result{
		Draws: 500, Level: 0.9, DataSets: []uncertainty.DataSet{{Name: "d", Images: 9}}, Notes: []string{"a note"},
		Models: []uncertainty.Model{{
			Model: c.Models[2].Name, Source: c.Models[2].Source, Rank: 1,
			Dimensions:        map[string]uncertainty.Interval{"accuracy": {Low: 0.25, High: 0.75, Method: uncertainty.BCa}, "parameters": certain},
			QUBA:              &uncertainty.Interval{Low: -1, High: 2, Method: uncertainty.BCa},
			Simultaneous:      &uncertainty.RankSet{Low: 1, High: 2},
			RankProbabilities: []float64{0.75, 0.25, 0},
		}},
	}
	var got struct {
		Uncertainty struct {
			Draws  int
			Level  float64
			Models []struct {
				Model         int
				Intervals     map[string][]float64
				QUBA          []float64
				Ranks         []int
				Probabilities []float64
			}
		}
	}
	dataOf(t, pageOf(t, c, html.Options{Uncertainty: r}), &got)
	if got.Uncertainty.Draws != 500 || got.Uncertainty.Level != 0.9 || len(got.Uncertainty.Models) != 1 {
		t.Fatalf("got %+v", got)
	}
	m := got.Uncertainty.Models[0]
	if m.Model != 2 || cmp.Diff(map[string][]float64{"accuracy": {0.25, 0.75}}, m.Intervals) != "" ||
		cmp.Diff([]float64{-1, 2}, m.QUBA) != "" || cmp.Diff([]int{1, 2}, m.Ranks) != "" || cmp.Diff([]float64{0.75, 0.25, 0}, m.Probabilities) != "" {
		t.Errorf("got %+v", m)
	}
}

// Every model has some rank in every draw, so the shares of a model and those
// of a rank sum to 1.
func TestAcceptabilitySumsToOne(t *testing.T) {
	var got struct {
		Acceptability []struct {
			Law    string
			Models []struct {
				Model  int
				Shares []float64
			}
		}
	}
	dataOf(t, pageOf(t, ranking.Cohort{Models: ranking.Published().Models[:4]}, html.Options{}), &got)
	if len(got.Acceptability) != 4 {
		t.Fatalf("%d laws, want 4", len(got.Acceptability))
	}
	for _, law := range got.Acceptability {
		seen := map[int]bool{}
		byRank := make([]float64, 4)
		for _, m := range law.Models {
			seen[m.Model] = true
			sum := 0.0
			for rank, share := range m.Shares {
				sum += share
				byRank[rank] += share
			}
			if math.Abs(sum-1) > 1e-3 {
				t.Errorf("%s: the shares of model %d sum to %v", law.Law, m.Model, sum)
			}
		}
		if len(seen) != 4 {
			t.Errorf("%s: models %v", law.Law, seen)
		}
		for rank, sum := range byRank {
			if math.Abs(sum-1) > 1e-3 {
				t.Errorf("%s: the shares of rank %d sum to %v", law.Law, rank+1, sum)
			}
		}
	}
}

// Published models make no heat map that outgrows the page.
func TestManyModelsHaveFewRanks(t *testing.T) {
	var got struct {
		Acceptability []struct {
			Models []struct{ Shares []float64 }
		}
	}
	dataOf(t, pageOf(t, ranking.Published(), html.Options{}), &got)
	for _, law := range got.Acceptability {
		if len(law.Models) != 30 || len(law.Models[0].Shares) != 30 {
			t.Errorf("%d models and %d ranks, want 30 of each", len(law.Models), len(law.Models[0].Shares))
		}
	}
}

func TestContactSheet(t *testing.T) {
	const picture = "\x89PNG\r\n\x1a\n and so on"
	const photograph = "\xff\xd8\xff and so on"
	page := pageOf(t, fullCohort(), html.Options{
		Sheets:       []html.Sheet{{Title: "<noise>", Image: []byte(picture)}, {Image: []byte(photograph)}},
		WithoutSheet: []string{"no images of <edges>: gone"},
	})
	for _, want := range []string{`<img src="data:image/png;base64,[A-Za-z0-9+/=]+"`, `<img src="data:image/jpeg;base64,[A-Za-z0-9+/=]+"`, "<h3>&lt;noise&gt;</h3>", "no images of &lt;edges&gt;: gone"} {
		if !regexp.MustCompile(want).Match(page) {
			t.Errorf("the page has no %s", want)
		}
	}
	if _, err := html.New(fullCohort(), html.Options{Sheets: []html.Sheet{{Image: []byte("<svg onload=alert(1)>")}}}); err == nil {
		t.Error("a sheet that is no picture is taken")
	}
}
