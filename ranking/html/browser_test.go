package html_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quba/ranking"
	"quba/ranking/html"
	"quba/ranking/rankingtest"
)

// openPage writes the page of a cohort and opens it.
func openPage(t *testing.T, c ranking.Cohort, o html.Options) *browser {
	t.Helper()
	b := openBrowser(t)
	path := filepath.Join(t.TempDir(), "report.html")
	check(t, os.WriteFile(path, pageOf(t, c, o), 0o666))
	b.resize(1200, "light")
	b.open(path)
	b.until(`document.querySelectorAll("#order tbody tr").length > 0`)
	return b
}

// isQuiet says that the page wrote nothing to the console, dropped no rule of
// its own policy, and asked for no address but its own.
func isQuiet(t *testing.T, b *browser) {
	t.Helper()
	b.evaluate(`new Promise((done) => setTimeout(done, 100))`, nil)
	if said := b.said(); said != "" {
		t.Errorf("the console says %s", said)
	}
	for _, address := range b.requested() {
		if !strings.HasPrefix(address, "file://") && !strings.HasPrefix(address, "data:") && address != "about:blank" {
			t.Errorf("the page asked for %s", address)
		}
	}
}

// order is a row of the ranking table as the page shows it.
type order struct {
	Model int
	QUBA  float64
}

const readOrder = `[...document.querySelectorAll("#order td.score")].map((td) => ({Model: Number(td.dataset.model), QUBA: Number(td.dataset.quba)}))`

// The page ranks as the program does, whatever the weights.
func TestSlidersRankAsGo(t *testing.T) {
	c := ranking.Published()
	b := openPage(t, c, html.Options{})
	for i, w := range []ranking.Weights{
		{},
		{"accuracy": 0.2, "calibration_error": 2, "parameters": 0, "shape_bias": 1.75},
		{"accuracy": 0, "adversarial_robustness": 2, "corruption_robustness": 1.3, "object_focus": 0.1, "class_balance": 0, "parameters": 0.7},
		{"accuracy": 0, "adversarial_robustness": 0, "corruption_robustness": 0, "ood_robustness": 0, "calibration_error": 0, "class_balance": 0, "object_focus": 0, "shape_bias": 0},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			moveSliders(t, b, w)
			var got []order
			b.evaluate(readOrder, &got)
			if diff := cmp.Diff(ranked(t, c, ranking.Options{Weights: w}), got, near); diff != "" {
				t.Errorf("program and page differ: %s", diff)
			}
		})
	}
	isQuiet(t, b)
}

// moveSliders sets every weight: those that are not given to the published one.
func moveSliders(t *testing.T, b *browser, w ranking.Weights) {
	t.Helper()
	all := map[string]float64{}
	for _, d := range ranking.Dimensions() {
		all[d.Name] = d.Weight
		if given, ok := w[d.Name]; ok {
			all[d.Name] = given
		}
	}
	text, err := json.Marshal(all)
	check(t, err)
	b.evaluate(fmt.Sprintf(`for (const [name, weight] of Object.entries(%s)) {
		const slider = document.getElementById("weight-" + name);
		slider.value = String(weight);
		slider.dispatchEvent(new Event("input"));
	}`, text), nil)
	b.frames()
}

// ranked is the order by the program, with the places of models in the cohort.
func ranked(t *testing.T, c ranking.Cohort, o ranking.Options) []order {
	t.Helper()
	r, err := ranking.QUBA(c, o)
	check(t, err)
	places := map[string]int{}
	for i, m := range c.Models {
		places[m.Source] = i
	}
	var rows []order
	for _, m := range r.Models {
		if m.Scored {
			rows = append(rows, order{places[m.Source], m.QUBA})
		}
	}
	return rows
}

// near allows for the rounding of a slider.
var near = cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })

// Incomplete models are ranked by the same rule as in the program.
func TestPartialModelsRankAsGo(t *testing.T) {
	c := ranking.Cohort{Models: slices.Clone(ranking.Published().Models[:5])}
	c.Models[1] = without(c.Models[1], "shape_bias")
	c.Models[2] = incomplete(c.Models[2], "ood_robustness")
	b := openPage(t, c, html.Options{})
	for _, allow := range []bool{false, true} {
		b.evaluate(fmt.Sprintf(`{ const box = document.getElementById("allow-partial"); if (box.checked !== %t) box.click(); }`, allow), nil)
		b.frames()
		var got []order
		b.evaluate(readOrder, &got)
		if diff := cmp.Diff(ranked(t, c, ranking.Options{AllowPartial: allow}), got, near); diff != "" {
			t.Errorf("allowed %t: %s", allow, diff)
		}
	}
	isQuiet(t, b)
}

// Mean and standard deviation of the cohort follow the models that are ranked.
func TestCohortNormalizationRanksAsGo(t *testing.T) {
	c := ranking.Cohort{Models: slices.Clone(ranking.Published().Models[:12])}
	c.Models[1] = without(c.Models[1], "shape_bias")
	c.Models[2] = incomplete(c.Models[2], "ood_robustness")
	o := ranking.Options{Normalization: ranking.InCohort}
	b := openPage(t, c, html.Options{Ranking: o})
	for _, allow := range []bool{false, true} {
		b.evaluate(fmt.Sprintf(`{ const box = document.getElementById("allow-partial"); if (box.checked !== %t) box.click(); }`, allow), nil)
		for _, w := range []ranking.Weights{{}, {"accuracy": 0.2, "calibration_error": 2, "parameters": 0}} {
			moveSliders(t, b, w)
			var got []order
			b.evaluate(readOrder, &got)
			o.Weights, o.AllowPartial = w, allow
			if diff := cmp.Diff(ranked(t, c, o), got, near); diff != "" {
				t.Errorf("allowed %t, weights %v: %s", allow, w, diff)
			}
		}
	}
	isQuiet(t, b)
}

// The page starts with the choice of the command line.
func TestDamagedRowsStartHidden(t *testing.T) {
	b := openPage(t, fullCohort(), html.Options{Published: true, ExcludeDamaged: true})
	var dots int
	b.evaluate(`document.querySelectorAll("#scatter .published circle").length`, &dots)
	if dots != 228 {
		t.Errorf("%d published dots, want 228", dots)
	}
}

func TestHoverAndFilters(t *testing.T) {
	c := ranking.Cohort{Models: ranking.Published().Models[:6]}
	for i := range c.Models {
		c.Models[i].Labels = map[string]string{"family": []string{"red", "blue"}[i%2]}
	}
	b := openPage(t, c, html.Options{Published: true})
	// A chart that is drawn anew forgets where the mouse is.
	point := func() { b.point("#scatter .model circle") }
	b.until(`document.querySelector("#scatter [aria-label=tip]")?.textContent.includes("accuracy")`, point)
	keepPicture(b, "hover")

	shows := func(what string, want int) {
		t.Helper()
		var rows, dots int
		b.evaluate(`document.querySelectorAll("#order tbody tr").length`, &rows)
		b.evaluate(`document.querySelectorAll("#scatter .model circle").length`, &dots)
		if rows != want || dots != want {
			t.Errorf("%s: %d rows and %d dots, want %d", what, rows, dots, want)
		}
	}
	shows("at first", 6)
	b.evaluate(`{ const list = document.querySelector("#filters select"); list.value = "family"; list.dispatchEvent(new Event("change")); }`, nil)
	b.evaluate(`document.querySelector("#filters .groups input").click()`, nil)
	shows("without a group", 3)
	b.evaluate(`document.querySelector("#filters .groups input").click()`, nil)
	b.evaluate(fmt.Sprintf(`{ const search = document.getElementById("search"); search.value = %q; search.dispatchEvent(new Event("input")); }`, c.Models[0].Name), nil)
	var shown []string
	b.evaluate(`[...document.querySelectorAll("#order th.name label")].map((th) => th.textContent)`, &shown)
	if len(shown) == 0 || len(shown) == 6 {
		t.Errorf("the search shows %q", shown)
	}
	for _, name := range shown {
		if !strings.Contains(name, c.Models[0].Name) {
			t.Errorf("the search for %s shows %s", c.Models[0].Name, name)
		}
	}

	var background, fewer int
	b.evaluate(`document.querySelectorAll("#scatter .published circle").length`, &background)
	b.evaluate(`document.getElementById("exclude-damaged").click()`, nil)
	b.evaluate(`document.querySelectorAll("#scatter .published circle").length`, &fewer)
	if background != 326 || fewer != 228 {
		t.Errorf("%d published dots, %d without the damaged; want 326, 228", background, fewer)
	}
	isQuiet(t, b)
}

// Text from results is never markup.
func TestHostileTextIsText(t *testing.T) {
	b := openPage(t, rankingtest.HostileCohort(), html.Options{Title: hostile, Ranking: ranking.Options{AllowPartial: true}})
	var found struct {
		Name, Title   string
		Images, Added int
	}
	b.evaluate(`({
		Name: document.querySelector("#order th.name label").textContent, Title: document.querySelector("h1").textContent,
		Images: document.querySelectorAll("img").length,
		Added: [...document.scripts].filter((s) => s.textContent.includes("alert") && s.type !== "application/json").length,
	})`, &found)
	if found.Name != hostile || found.Title != hostile || found.Images != 0 || found.Added != 0 {
		t.Errorf("got %+v", found)
	}
	isQuiet(t, b)
}

// A cohort that has everything leaves no section out.
func TestEverySectionIsDrawn(t *testing.T) {
	b := openPage(t, fullCohort(), html.Options{Sheets: []html.Sheet{{Title: "noise", Image: []byte("\x89PNG\r\n\x1a\n")}}})
	for _, id := range []string{"contributions", "scatter", "profile", "scenarios", "acceptability", "correlation", "corruptions", "reliability", "shape", "attacks"} {
		var marks int
		b.evaluate(fmt.Sprintf(`document.querySelectorAll("#%s:not([hidden]) .figure svg :is(circle, rect, path)").length`, id), &marks)
		if marks < 3 {
			t.Errorf("%s has %d marks", id, marks)
		}
	}
	for _, id := range []string{"ranking", "parts", "caveats", "provenance"} {
		var shown bool
		b.evaluate(fmt.Sprintf(`document.getElementById(%q).offsetHeight > 100`, id), &shown)
		if !shown {
			t.Errorf("%s is not shown", id)
		}
	}
	isQuiet(t, b)
}

// Nothing is wider than the window of a phone, and both schemes are drawn.
func TestPhoneAndSchemes(t *testing.T) {
	b := openPage(t, fullCohort(), html.Options{Ranking: ranking.Options{AllowPartial: true}, Published: true})
	for _, width := range []int{1200, 380} {
		for _, scheme := range []string{"light", "dark"} {
			b.resize(width, scheme)
			var page, window float64
			b.evaluate(`document.documentElement.scrollWidth`, &page)
			b.evaluate(`innerWidth`, &window)
			if page > window {
				t.Errorf("%d pixels, %s: the page is %v wide", width, scheme, page)
			}
			var paper string
			b.evaluate(`getComputedStyle(document.body).backgroundColor`, &paper)
			if want := map[string]string{"light": "rgb(243, 244, 247)", "dark": "rgb(16, 20, 27)"}[scheme]; paper != want {
				t.Errorf("%s: the page is %s", scheme, paper)
			}
			keepPicture(b, fmt.Sprintf("%d-%s", width, scheme))
		}
	}
	b.evaluate(`document.getElementById("theme").click()`, nil)
	var theme string
	b.evaluate(`document.documentElement.dataset.theme`, &theme)
	if theme != "light" {
		t.Errorf("the button chose %q", theme)
	}
	isQuiet(t, b)
}

// keepPicture writes a picture of the page into the folder REPORT_PICTURES, for
// people to look at.
func keepPicture(b *browser, name string) {
	if folder := os.Getenv("REPORT_PICTURES"); folder != "" {
		b.picture(filepath.Join(folder, "report-"+name+".png"))
	}
}
