package metrics_test

import (
	"fmt"
	"maps"
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

// syntheticCueConflict is testdata/cue_conflict.json: invented decisions of a
// model and, in testdata/responses, of others, with what the definitions of
// model-vs-human make of them.
type syntheticCueConflict struct {
	Decisions        map[string]string // by image
	Accuracy         float64
	Conflicts        int64
	ShapeBias        float64            `json:"shape_bias"`
	FractionShape    float64            `json:"fraction_shape"`
	FractionTexture  float64            `json:"fraction_texture"`
	Categories       map[string]float64 `json:"category_shape_bias"`
	ErrorConsistency float64            `json:"error_consistency"`
	Consistency      map[string]struct {
		N                         int64
		Observed, Expected, Kappa float64
	}
}

func (s syntheticCueConflict) rows() []decided {
	index := func(category string) int32 { return int32(slices.Index(threeCategories, category)) }
	var rows []decided
	for _, image := range slices.Sorted(maps.Keys(s.Decisions)) {
		shape, rest, _ := strings.Cut(image, "/")
		texture := strings.TrimRight(strings.TrimSuffix(rest[strings.IndexByte(rest, '-')+1:], ".png"), "0123456789")
		rows = append(rows, decided{id: image, label: index(shape), cue: index(texture), chosen: index(s.Decisions[image])})
	}
	return rows
}

func readSynthetic(t *testing.T) syntheticCueConflict {
	t.Helper()
	var s syntheticCueConflict
	readJSON(t, &s, "testdata", "cue_conflict.json")
	return s
}

func errorConsistency(t testing.TB, classes []string, folder, set string) metrics.Metric {
	t.Helper()
	entry, err := metrics.Registry.Lookup("error_consistency")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := entry.New(withOptions(map[string]string{"Responses": folder, "Set": set}))
	if err != nil {
		t.Fatal(err)
	}
	return spec.New(envOf("images", classes))
}

// responseFolder has a file of responses for each entry.
func responseFolder(t testing.TB, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

const responseHeader = "object_response,category,imagename\n"

// numberedResponses has a person who is right about every other image, called
// 0, 1 and so on.
func numberedResponses(t testing.TB, images int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString(responseHeader)
	for i := range images {
		fmt.Fprintf(&text, "%s,cat,%d\n", []string{"cat", "na"}[i%2], i)
	}
	return responseFolder(t, map[string]string{"subject-01.csv": text.String()})
}

func TestErrorConsistencyOfSyntheticDecisions(t *testing.T) {
	want := readSynthetic(t)
	m := errorConsistency(t, threeCategories, filepath.Join("testdata", "responses"), "cue-conflict")
	mustObserveDecided(t, m, "images", threeCategories, want.rows())
	s := scoreOf(t, m)
	near(t, "value", s.Value, want.ErrorConsistency, 1e-12)
	near(t, "accuracy", part(t, s, "accuracy"), want.Accuracy, 1e-12)
	for maker, c := range want.Consistency {
		near(t, maker, part(t, s, maker), c.Kappa, 1e-12)
		near(t, maker+"/observed", part(t, s, maker+"/observed"), c.Observed, 1e-12)
		near(t, maker+"/expected", part(t, s, maker+"/expected"), c.Expected, 1e-12)
		if n := countOf(t, s, maker); n != c.N {
			t.Errorf("%s: n is %d, want %d", maker, n, c.N)
		}
	}
	if len(s.Parts) != 1+3*len(want.Consistency) || len(s.Notes) > 0 || s.N != int64(len(want.Decisions)) {
		t.Errorf("got %+v", s)
	}
}

func TestShapeBiasOfSyntheticDecisions(t *testing.T) {
	want := readSynthetic(t)
	m := newSpec(t, "shape_bias").New(envOf("cue_conflict", threeCategories))
	mustObserveDecided(t, m, "cue_conflict", threeCategories, want.rows())
	s := scoreOf(t, m)
	near(t, "value", s.Value, want.ShapeBias, 1e-12)
	near(t, "accuracy", part(t, s, "accuracy"), want.Accuracy, 1e-12)
	near(t, "fraction_shape", part(t, s, "fraction_shape"), want.FractionShape, 1e-12)
	near(t, "fraction_texture", part(t, s, "fraction_texture"), want.FractionTexture, 1e-12)
	for category, bias := range want.Categories {
		near(t, category, part(t, s, "category/"+category), bias, 1e-12)
	}
	if s.N != want.Conflicts {
		t.Errorf("n is %d, want %d", s.N, want.Conflicts)
	}
}

// The published networks compared with the published people, against the
// definition written out.
func TestErrorConsistencyOfPublishedResponses(t *testing.T) {
	categories := imagenet.Categories16(record.First).Classes
	golden := goldenFolder(t)
	for set, makers := range publishedResponses(t) {
		rows := readPublished(t, filepath.Join(golden, makers["resnet50"].File))
		m := errorConsistency(t, categories, filepath.Join(golden, "responses"), set)
		mustObserveDecided(t, m, "images", categories, rows)
		s := scoreOf(t, m)
		near(t, set, part(t, s, "resnet50"), 1, 1e-12)
		mean := 0.0
		for maker, published := range makers {
			kappa := naiveKappa(rows, readPublished(t, filepath.Join(golden, published.File)))
			near(t, set+" "+maker, part(t, s, maker), kappa, 1e-12)
			if strings.HasPrefix(maker, "subject-") {
				mean += kappa / 5
			}
		}
		near(t, set, s.Value, mean, 1e-12)
		if s.N != makers["resnet50"].N || len(s.Notes) > 0 {
			t.Errorf("%s: n is %d, notes are %q", set, s.N, s.Notes)
		}
	}
}

func naiveKappa(first, second []decided) float64 {
	correct := map[string]bool{}
	p1, p2, same := 0.0, 0.0, 0.0
	n := float64(len(first))
	for _, row := range first {
		correct[row.id] = row.chosen == row.label
		if correct[row.id] {
			p1 += 1 / n
		}
	}
	for _, row := range second {
		right := row.chosen == row.label
		if right {
			p2 += 1 / n
		}
		if right == correct[row.id] {
			same += 1 / n
		}
	}
	chance := p1*p2 + (1-p1)*(1-p2)
	return (same - chance) / (1 - chance)
}

// Kappa is 1 with the same errors, at most 1 otherwise, and does not depend on
// the order of images.
func TestKappaProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		theirs := rapid.SliceOfN(rapid.Bool(), 2, 30).Draw(rt, "theirs")
		ours := rapid.SliceOfN(rapid.Bool(), len(theirs), len(theirs)).Draw(rt, "ours")
		text := responseHeader
		var rows []decided
		for i, right := range theirs {
			text += fmt.Sprintf("%s,cat,%d.png\n", map[bool]string{true: "cat", false: "dog"}[right], i)
			rows = append(rows, decided{id: fmt.Sprintf("cat/%d.png", i), label: 1, cue: record.NoClass, chosen: map[bool]int32{true: 1, false: 2}[ours[i]]})
		}
		folder := responseFolder(t, map[string]string{"subject-01.csv": text})
		score := func(rows []decided) (metrics.Score, error) {
			m := errorConsistency(t, threeCategories, folder, "")
			mustObserveDecided(t, m, "images", threeCategories, rows)
			return m.Score()
		}
		s, err := score(rows)
		if constant(ours) && constant(theirs) && ours[0] == theirs[0] {
			if err == nil {
				rt.Fatalf("kappa is %v where it is not defined", s.Value)
			}
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		if s.Value > 1 || (s.Value == 1) != slices.Equal(ours, theirs) {
			rt.Fatalf("kappa is %v of %v and %v", s.Value, ours, theirs)
		}
		slices.Reverse(rows)
		if turned, err := score(rows); err != nil || turned.Value != s.Value {
			rt.Fatalf("kappa is %v, and %v in reverse: %v", s.Value, turned.Value, err)
		}
	})
}

func constant(values []bool) bool { return len(slices.Compact(slices.Clone(values))) == 1 }

func TestKappaThatIsNotDefined(t *testing.T) {
	folder := responseFolder(t, map[string]string{
		"subject-01.csv": responseHeader + "cat,cat,1.png\ncat,cat,2.png\n",
		"subject-02.csv": responseHeader + "cat,cat,1.png\nna,cat,2.png\n",
		"subject-03.csv": responseHeader + "cat,cat,3.png\n",
	})
	m := errorConsistency(t, threeCategories, folder, "")
	mustObserveDecided(t, m, "images", threeCategories, []decided{
		{id: "cat/1.png", label: 1, chosen: 1}, {id: "cat/2.png", label: 1, chosen: 1}, {id: "cat/4.png", label: 1, chosen: 1},
	})
	s := scoreOf(t, m)
	near(t, "value", s.Value, 0, 0)
	near(t, "subject-01/expected", part(t, s, "subject-01/expected"), 1, 0)
	if hasPart(s, "subject-01") || hasPart(s, "subject-03/observed") {
		t.Errorf("parts are %+v", s.Parts)
	}
	want := []string{"1 of 3 images have no published decisions", "kappa with subject-01 is not defined: both are always right or always wrong"}
	if !slices.Equal(s.Notes, want) {
		t.Errorf("notes are %q, want %q", s.Notes, want)
	}
}

func TestErrorConsistencyFaults(t *testing.T) {
	person := responseHeader + "cat,cat,0001_x_s01_0_cat_00_1.png\n"
	one := []decided{{id: "cat/1.png", label: 1, chosen: 1}}
	for name, c := range map[string]struct {
		files map[string]string
		set   string
		rows  []decided
		want  string
	}{
		"no people":      {map[string]string{"resnet50.csv": person}, "", one, "must have decisions of people"},
		"no such set":    {map[string]string{"edge_subject-01.csv": person}, "sketch", one, "the files sketch*.csv"},
		"header":         {map[string]string{"subject-01.csv": "a,b\n"}, "", one, `line 1: must be a header with object_response`},
		"ragged":         {map[string]string{"subject-01.csv": person + "a,b\n"}, "", one, "wrong number of fields"},
		"two sets":       {map[string]string{"a__subject-01.csv": person, "b__subject-01.csv": person}, "", one, "subject-01 decided on image 1.png twice"},
		"other category": {map[string]string{"subject-01.csv": person, "subject-02.csv": responseHeader + "cat,dog,1.png\n"}, "", one, "line 2: image 1.png is of category cat elsewhere, here of dog"},
		"other label":    {map[string]string{"subject-01.csv": person}, "", []decided{{id: "dog/1.png", label: 2, chosen: 1}}, "is of category dog, in the published decisions of cat"},
		"repeated":       {map[string]string{"subject-01.csv": person}, "", []decided{one[0], one[0]}, "there is another image called 1.png"},
		"not published":  {map[string]string{"subject-01.csv": person}, "", []decided{{id: "cat/7.png", label: 1, chosen: 1}}, "none of 1 images has published decisions, such as 7.png"},
		"always right":   {map[string]string{"subject-01.csv": person}, "", one, "kappa is not defined with any person"},
	} {
		t.Run(name, func(t *testing.T) {
			m := errorConsistency(t, threeCategories, responseFolder(t, c.files), c.set)
			err := observeDecided(t, m, "images", threeCategories, c.rows)
			if err == nil {
				_, err = m.Score()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

// Names are compared without what the experiment put before them.
func TestImagesAreMatchedByTheirOwnNames(t *testing.T) {
	folder := responseFolder(t, map[string]string{"sketch_subject-01_session_1.csv": responseHeader +
		"cat,cat,0001_ske_s01_0_cat_00_cat-01-sketch-4.png\nna,cat,0002_cop_s01_cr_cat_00_n02123045_7.png\n"})
	m := errorConsistency(t, threeCategories, folder, "sketch")
	mustObserveDecided(t, m, "images", threeCategories, []decided{
		{id: "session-1/0344_ske_dnn_0_cat_00_cat-01-sketch-4.png", label: 1, chosen: 1},
		{id: "session-1/0001_cop_dnn_cr_cat_00_n02123045_7.png", label: 1, chosen: 2},
		{id: "session-1/0001_cop_dnn_cr_cat_00_n02123046_7.png", label: 1, chosen: 2},
	})
	s := scoreOf(t, m)
	near(t, "subject-01", part(t, s, "subject-01"), 1, 0)
	if want := "1 of 3 images have no published decisions"; s.N != 2 || !slices.Contains(s.Notes, want) {
		t.Errorf("n is %d, notes are %q, want %q", s.N, s.Notes, want)
	}
}

func TestErrorConsistencyNeedsItsFolder(t *testing.T) {
	entry, err := metrics.Registry.Lookup("error_consistency")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.New(nil); err == nil || !strings.Contains(err.Error(), "responses: must be the folder") {
		t.Errorf("error is %v", err)
	}
}

func TestErrorConsistencyWithoutItsFolder(t *testing.T) {
	m := errorConsistency(t, threeCategories, filepath.Join(t.TempDir(), "none"), "")
	err := observeDecided(t, m, "images", threeCategories, []decided{{id: "1", label: 1, chosen: 1}})
	if err == nil || !strings.Contains(err.Error(), "published responses: ") {
		t.Errorf("error is %v", err)
	}
}

// The shared images are found among the published decisions by their names.
func TestErrorConsistencyOfGoldenDecisions(t *testing.T) {
	eachGoldenModel(t, func(t *testing.T, g goldenModel, data string) {
		categories := imagenet.Categories16(record.Last).Classes
		rows := categoryRows(t, filepath.Join(data, "cue-conflict"), g.Cue.Decisions)
		m := errorConsistency(t, categories, filepath.Join(data, "..", "golden", "responses"), "cue-conflict")
		mustObserveDecided(t, m, "images", categories, rows)
		s := scoreOf(t, m)
		mean := 0.0
		for subject := 1; subject <= 5; subject++ {
			name := fmt.Sprintf("subject-%02d", subject)
			mean += part(t, s, name) / 5
			if n := countOf(t, s, name); n != int64(len(rows)) {
				t.Errorf("%s: %d common images, want %d", name, n, len(rows))
			}
		}
		near(t, "value", s.Value, mean, 1e-12)
		if len(s.Notes) > 0 {
			t.Errorf("notes are %q", s.Notes)
		}
	})
}
