package metrics_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/internal/imagenet"
	"quba/metrics"
	"quba/pipeline/record"
)

func oodMetric(t *testing.T, cells map[string]cell) metrics.Metric {
	t.Helper()
	m := newSpec(t, "ood_robustness").New(metrics.Env{})
	for role, c := range cells {
		if err := observeCells(t, m, role, c); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestOODRobustness(t *testing.T) {
	all := map[string]cell{
		"clean": {n: 10, right: 8}, "edge": {n: 10, right: 4}, "silhouette": {n: 5, right: 2},
		"sketch": {n: 8, right: 8}, "stylized": {n: 4, right: 1}, "imagenet_r": {n: 20, right: 6},
	}
	s := scoreOf(t, oodMetric(t, all))
	near(t, "value", s.Value, math.Pow(0.4*0.4*1*0.25*0.3, 0.2)/0.8, 1e-12)
	near(t, "clean", part(t, s, "clean"), 0.8, 0)
	near(t, "edge", part(t, s, "edge"), 0.5, 1e-15)
	near(t, "edge/accuracy", part(t, s, "edge/accuracy"), 0.4, 0)
	near(t, "sketch", part(t, s, "sketch"), 1.25, 1e-15)
	if s.N != 47 || countOf(t, s, "imagenet_r") != 20 || len(s.Missing) > 0 || len(s.Notes) > 0 {
		t.Errorf("got %+v", s)
	}
}

func TestOODRobustnessOfSomeSets(t *testing.T) {
	s := scoreOf(t, oodMetric(t, map[string]cell{
		"clean": {n: 10, right: 5}, "edge": {"edges", 0, 4, 1}, "imagenet_r": {n: 4, right: 2},
	}))
	near(t, "value", s.Value, math.Sqrt(0.5*1), 1e-12)
	if want := []string{"silhouette", "sketch", "stylized"}; !slices.Equal(s.Missing, want) {
		t.Errorf("missing is %v, want %v", s.Missing, want)
	}
	if want := []string{"generated edge images (edges), not the published ones"}; !slices.Equal(s.Notes, want) {
		t.Errorf("notes are %q, want %q", s.Notes, want)
	}
	if hasPart(s, "sketch") {
		t.Error("a missing set has a part")
	}
}

func TestOODRobustnessIsZeroWhereOneRatioIs(t *testing.T) {
	s := scoreOf(t, oodMetric(t, map[string]cell{"clean": {n: 2, right: 1}, "edge": {n: 3}, "sketch": {n: 1, right: 1}}))
	near(t, "value", s.Value, 0, 0)
	near(t, "edge", part(t, s, "edge"), 0, 0)
}

func TestOODRobustnessThatIsNotDefined(t *testing.T) {
	for want, cells := range map[string]map[string]cell{
		"clean accuracy is 0 over 3 images": {"clean": {n: 3}, "edge": {n: 1, right: 1}},
		"no samples were seen":              {"edge": {n: 1, right: 1}},
		"none of the test sets was seen":    {"clean": {n: 3, right: 1}},
	} {
		if s, err := oodMetric(t, cells).Score(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %+v and error %v, want %q", s, err, want)
		}
	}
}

func TestOODRobustnessOfGoldenDecisions(t *testing.T) {
	eachGoldenModel(t, func(t *testing.T, g goldenModel, data string) {
		categories := imagenet.Categories16(record.First).Classes
		m := newSpec(t, "ood_robustness").New(metrics.Env{})
		mustObserveDecided(t, m, "clean", thousandClasses(), cleanRows(t, data, g.ArgMax))
		mustObserveDecided(t, m, "edge", categories, categoryRows(t, filepath.Join(data, "edge"), g.Edge.Decisions))
		mustObserveDecided(t, m, "silhouette", categories, categoryRows(t, filepath.Join(data, "silhouette"), g.Silhouette.Decisions))
		s := scoreOf(t, m)
		near(t, "clean", part(t, s, "clean"), g.ImageNet.Top1, 1e-12)
		near(t, "edge/accuracy", part(t, s, "edge/accuracy"), g.Edge.Accuracy, 1e-12)
		near(t, "edge", part(t, s, "edge"), g.Edge.RelativeAccuracy, 1e-12)
		near(t, "silhouette/accuracy", part(t, s, "silhouette/accuracy"), g.Silhouette.Accuracy, 1e-12)
		near(t, "silhouette", part(t, s, "silhouette"), g.Silhouette.RelativeAccuracy, 1e-12)
		near(t, "value", s.Value, g.OOD, 1e-12)
	})
}
