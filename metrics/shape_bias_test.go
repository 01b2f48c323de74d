package metrics_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/imagenet"
	"quba/metrics"
	"quba/pipeline/record"
)

var threeCategories = []string{"bear", "cat", "dog"}

func TestShapeBias(t *testing.T) {
	const bear, cat, dog, none = 0, 1, 2, record.NoClass
	m := newSpec(t, "shape_bias").New(envOf("cue_conflict", threeCategories))
	mustObserveDecided(t, m, "cue_conflict", threeCategories, []decided{
		{label: cat, cue: dog, chosen: cat},
		{label: cat, cue: dog, chosen: cat},
		{label: cat, cue: dog, chosen: dog},
		{label: cat, cue: bear, chosen: none},
		{label: cat, cue: cat, chosen: cat}, // no conflict
		{label: dog, cue: cat, chosen: cat},
		{label: bear, cue: dog, chosen: cat}, // neither
		{label: bear, cue: none, chosen: bear},
	})
	s := scoreOf(t, m)
	near(t, "value", s.Value, 2.0/4, 0)
	near(t, "fraction_shape", part(t, s, "fraction_shape"), 2.0/7, 1e-15)
	near(t, "fraction_texture", part(t, s, "fraction_texture"), 2.0/7, 1e-15)
	near(t, "fraction_other", part(t, s, "fraction_other"), 2.0/7, 1e-15)
	near(t, "accuracy", part(t, s, "accuracy"), 3.0/7, 1e-15)
	near(t, "category/cat", part(t, s, "category/cat"), 2.0/3, 1e-15)
	near(t, "category/dog", part(t, s, "category/dog"), 0, 0)
	if hasPart(s, "category/bear") {
		t.Error("a category without decisions for shape or texture has a shape bias")
	}
	if s.N != 6 || countOf(t, s, "accuracy") != 7 || countOf(t, s, "category/cat") != 4 {
		t.Errorf("n is %d, parts are %+v", s.N, s.Parts)
	}
	if !slices.Equal(s.Notes, []string{"1 images without a cue are left out"}) {
		t.Errorf("notes are %q", s.Notes)
	}
}

func TestGeneratedCueConflictsAreNoted(t *testing.T) {
	for want, perturbations := range map[string][]string{
		"generated cue conflicts (stylize), not the published ones": {"stylize", "stylize"},
		"generated cue conflicts (stylize): 1 of 2":                 {"", "stylize"},
		"": {"", ""},
	} {
		m := newSpec(t, "shape_bias").New(metrics.Env{})
		for _, perturbation := range perturbations {
			mustObserveDecided(t, m, "cue_conflict", threeCategories, []decided{{label: 0, cue: 1, chosen: 0, perturbation: perturbation}})
		}
		if got := strings.Join(scoreOf(t, m).Notes, "; "); got != want {
			t.Errorf("notes are %q, want %q", got, want)
		}
	}
}

func TestShapeBiasThatIsNotDefined(t *testing.T) {
	for want, row := range map[string]decided{
		"none of 1 images has a cue":       {label: 0, cue: record.NoClass, chosen: 0},
		"are the same in every image":      {label: 0, cue: 0, chosen: 0},
		"none of 1 images was decided for": {label: 0, cue: 1, chosen: 2},
	} {
		m := newSpec(t, "shape_bias").New(metrics.Env{})
		mustObserveDecided(t, m, "cue_conflict", threeCategories, []decided{row})
		if s, err := m.Score(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %+v and error %v, want %q", s, err, want)
		}
	}
}

// The fractions of all images and those without conflict are all there is, and
// shape bias follows from them.
func TestShapeBiasFractions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		class := rapid.Int32Range(0, 2)
		rows := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) decided {
			return decided{label: class.Draw(rt, "label"), cue: class.Draw(rt, "cue"), chosen: class.Draw(rt, "chosen")}
		}), 1, 40).Draw(rt, "rows")
		m := newSpec(t, "shape_bias").New(metrics.Env{})
		mustObserveDecided(t, m, "cue_conflict", threeCategories, rows)
		s, err := m.Score()
		if err != nil {
			return
		}
		shape, texture := part(t, s, "fraction_shape"), part(t, s, "fraction_texture")
		near(t, "value", s.Value, shape/(shape+texture), 1e-12)
		near(t, "conflicts", shape+texture+part(t, s, "fraction_other"), float64(s.N)/float64(len(rows)), 1e-12)
	})
}

func TestShapeBiasOfGoldenDecisions(t *testing.T) {
	eachGoldenModel(t, func(t *testing.T, g goldenModel, data string) {
		categories := imagenet.Categories16(record.Last).Classes
		rows := categoryRows(t, filepath.Join(data, "cue-conflict"), g.Cue.Decisions)
		for i := range rows {
			rows[i].cue = textureOf(rows[i].id)
		}
		m := newSpec(t, "shape_bias").New(envOf("cue_conflict", categories))
		mustObserveDecided(t, m, "cue_conflict", categories, rows)
		s := scoreOf(t, m)
		near(t, "shape bias", s.Value, g.Cue.ShapeBias, 1e-12)
		n := float64(len(rows))
		near(t, "decided for the shape", part(t, s, "fraction_shape")*n, float64(g.Cue.Shape), 1e-9)
		near(t, "decided for the texture", part(t, s, "fraction_texture")*n, float64(g.Cue.Texture), 1e-9)
		if s.N != g.Cue.Differ {
			t.Errorf("n is %d, want %d", s.N, g.Cue.Differ)
		}
	})
}

// publishedResponse is a file of golden/responses with what the reference made
// of it.
type publishedResponse struct {
	File            string
	N               int64
	Accuracy        float64
	FractionShape   float64  `json:"fraction_correct_shape"`
	FractionTexture float64  `json:"fraction_correct_texture"`
	ShapeBias       *float64 `json:"shape_bias"`
}

func publishedResponses(t *testing.T) map[string]map[string]publishedResponse {
	t.Helper()
	var published map[string]map[string]publishedResponse
	readJSON(t, &published, goldenFolder(t), "responses_expected.json")
	return published
}

// readPublished reads a file of decisions as records have them.
func readPublished(t *testing.T, file string) []decided {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []decided
	for _, row := range table[1:] {
		image := row[2][strings.LastIndexByte(row[2], '_')+1:]
		rows = append(rows, decided{
			id: row[1] + "/" + image, label: categoryIndex(row[1]),
			cue: textureOf(image), chosen: categoryIndex(row[0]),
		})
	}
	return rows
}

func TestPublishedResponses(t *testing.T) {
	categories := imagenet.Categories16(record.Last).Classes
	files := 0
	for set, makers := range publishedResponses(t) {
		for maker, want := range makers {
			files++
			t.Run(set+"/"+maker, func(t *testing.T) {
				rows := readPublished(t, filepath.Join(goldenFolder(t), want.File))
				if want.ShapeBias == nil {
					m := newSpec(t, "accuracy").New(metrics.Env{})
					mustObserveDecided(t, m, "clean", categories, rows)
					s := scoreOf(t, m)
					near(t, "accuracy", s.Value, want.Accuracy, 1e-12)
					if s.N != want.N {
						t.Errorf("n is %d, want %d", s.N, want.N)
					}
					return
				}
				m := newSpec(t, "shape_bias").New(envOf("cue_conflict", categories))
				mustObserveDecided(t, m, "cue_conflict", categories, rows)
				s := scoreOf(t, m)
				near(t, "accuracy", part(t, s, "accuracy"), want.Accuracy, 1e-12)
				near(t, "fraction_shape", part(t, s, "fraction_shape"), want.FractionShape, 1e-12)
				near(t, "fraction_texture", part(t, s, "fraction_texture"), want.FractionTexture, 1e-12)
				near(t, "shape bias", s.Value, *want.ShapeBias, 1e-12)
				if n := countOf(t, s, "accuracy"); n != want.N {
					t.Errorf("n is %d, want %d", n, want.N)
				}
			})
		}
	}
	if files != 30 {
		t.Errorf("%d files, want 30", files)
	}
}

// The published decisions of five people make the table that is compared with.
func TestHumanShapeBias(t *testing.T) {
	human := metrics.HumanShapeBias()
	near(t, "value", human.Value, 0.9511807929785578, 1e-12)
	if human.N != 1200 || len(human.Parts) != 4+16 {
		t.Errorf("n is %d, %d parts", human.N, len(human.Parts))
	}
	categories := imagenet.Categories16(record.Last).Classes
	sums := map[string]float64{}
	people := 0.0
	for maker, published := range publishedResponses(t)["cue-conflict"] {
		if !strings.HasPrefix(maker, "subject-") {
			continue
		}
		people++
		m := newSpec(t, "shape_bias").New(envOf("cue_conflict", categories))
		mustObserveDecided(t, m, "cue_conflict", categories, readPublished(t, filepath.Join(goldenFolder(t), published.File)))
		s := scoreOf(t, m)
		sums[""] += s.Value
		for _, p := range s.Parts {
			sums[p.Name] += p.Value
		}
	}
	near(t, "value", human.Value, sums[""]/people, 1e-12)
	for _, p := range human.Parts {
		near(t, p.Name, p.Value, sums[p.Name]/people, 1e-12)
	}
}
