package metrics_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quba/internal/imagenet"
	"quba/metrics"
	"quba/pipeline/record"
)

func TestObjectFocus(t *testing.T) {
	classes := []string{"dog", "bird"}
	env := metrics.Env{Roles: map[string]record.PipelineRecord{"mixed_same": {Classes: classes}, "mixed_rand": {Classes: classes}}}
	m := newSpec(t, "object_focus").New(env)
	mustObserveDecided(t, m, "clean", classes, []decided{{chosen: 0}, {chosen: 0}, {chosen: 0}, {chosen: 0}, {chosen: 1}})
	mustObserveDecided(t, m, "mixed_same", classes, []decided{{chosen: 0}, {chosen: 0}, {label: 1, chosen: 1}, {label: 1, chosen: record.NoClass}})
	mustObserveDecided(t, m, "mixed_rand", classes, []decided{{chosen: 0}, {label: 1, chosen: record.NoClass}})
	s := scoreOf(t, m)
	near(t, "value", s.Value, 1-(0.75-0.5)/0.8, 1e-12)
	near(t, "gap", part(t, s, "gap"), 0.25, 0)
	near(t, "relative_gap", part(t, s, "relative_gap"), 0.25/0.8, 1e-12)
	for name, want := range map[string]float64{
		"clean": 0.8, "mixed_same": 0.75, "mixed_rand": 0.5,
		"mixed_same/dog": 1, "mixed_same/bird": 0.5, "mixed_rand/dog": 1, "mixed_rand/bird": 0,
	} {
		near(t, name, part(t, s, name), want, 0)
	}
	if s.N != 6 || countOf(t, s, "mixed_same/dog") != 2 || countOf(t, s, "mixed_rand") != 2 {
		t.Errorf("got %+v", s)
	}
	if want := "mixed_same has 4 images, mixed_rand 2"; !slices.Contains(s.Notes, want) {
		t.Errorf("notes are %q, want %q", s.Notes, want)
	}
}

func TestObjectFocusMayExceedOne(t *testing.T) {
	m := newSpec(t, "object_focus").New(metrics.Env{})
	for role, c := range map[string]cell{"clean": {n: 2, right: 1}, "mixed_same": {n: 4, right: 1}, "mixed_rand": {n: 4, right: 2}} {
		if err := observeCells(t, m, role, c); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "value", scoreOf(t, m).Value, 1.5, 1e-12)
}

func TestObjectFocusThatIsNotDefined(t *testing.T) {
	for want, cells := range map[string]map[string]cell{
		"clean accuracy is 0 over 3 images": {"clean": {n: 3}, "mixed_same": {n: 1}, "mixed_rand": {n: 1}},
		"both sets of mixed backgrounds":    {"clean": {n: 3, right: 3}, "mixed_same": {n: 1}},
	} {
		m := newSpec(t, "object_focus").New(metrics.Env{})
		for role, c := range cells {
			if err := observeCells(t, m, role, c); err != nil {
				t.Fatal(err)
			}
		}
		if s, err := m.Score(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %+v and error %v, want %q", s, err, want)
		}
	}
}

// backgroundRows are the images of a set of ImageNet-9, whose folders begin
// with the number of the class, with what was decided.
func backgroundRows(t *testing.T, folder string, chosen []int32) []decided {
	t.Helper()
	var rows []decided
	for i, file := range imagesIn(t, folder, len(chosen)) {
		number, _, _ := strings.Cut(folderOf(file), "_")
		class, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, decided{id: filepath.Base(file), label: int32(class), cue: record.NoClass, chosen: chosen[i]})
	}
	return rows
}

func TestObjectFocusOfGoldenDecisions(t *testing.T) {
	eachGoldenModel(t, func(t *testing.T, g goldenModel, data string) {
		classes := imagenet.ImageNet9().Classes
		m := newSpec(t, "object_focus").New(metrics.Env{})
		mustObserveDecided(t, m, "clean", thousandClasses(), cleanRows(t, data, g.ArgMax))
		mustObserveDecided(t, m, "mixed_same", classes, backgroundRows(t, filepath.Join(data, "in9-mini", "mixed_same", "val"), g.ObjectFocus.Same.Pred))
		mustObserveDecided(t, m, "mixed_rand", classes, backgroundRows(t, filepath.Join(data, "in9-mini", "mixed_rand", "val"), g.ObjectFocus.Rand.Pred))
		s := scoreOf(t, m)
		near(t, "mixed_same", part(t, s, "mixed_same"), g.ObjectFocus.Same.Accuracy, 1e-12)
		near(t, "mixed_rand", part(t, s, "mixed_rand"), g.ObjectFocus.Rand.Accuracy, 1e-12)
		near(t, "relative_gap", part(t, s, "relative_gap"), g.ObjectFocus.Gap, 1e-12)
		near(t, "value", s.Value, g.ObjectFocus.Focus, 1e-12)
	})
}
