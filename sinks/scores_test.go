package sinks

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/metrics"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// probe is a metric that fails when it is told to, and counts what is open.
type probe struct {
	model func() error
	n     int64
	open  *int
}

func (p *probe) Observe(_ string, v record.View) error {
	p.n += int64(v.Len())
	if v.Model(0) == "b" {
		return errors.New("cannot observe")
	}
	return nil
}

func (p *probe) Score() (metrics.Score, error) {
	return metrics.Score{Value: float64(p.n), N: p.n, Parts: []metrics.Part{{Name: "half", Value: float64(p.n) / 2}}}, p.model()
}

func (p *probe) Close() error {
	*p.open--
	return nil
}

type probeConfig struct{ Fail bool }

func (c probeConfig) Validate() error {
	if c.Fail {
		return errors.Join(registry.Fieldf("fail", "must not be true"), registry.Fieldf("other", "is wrong too"))
	}
	return nil
}

var (
	openProbes int
	probeFault error
)

func init() {
	registry.Register(metrics.Registry, "test_probe", "A metric for tests.", probeConfig{}, func(probeConfig) (metrics.Spec, error) {
		return metrics.Spec{
			Roles:   []metrics.Role{{Name: "clean", Doc: "rows"}, {Name: "more", Doc: "more rows", Optional: true}},
			Columns: []string{record.ColProbs},
			New: func(metrics.Env) metrics.Metric {
				openProbes++
				return &probe{model: func() error { return probeFault }, open: &openProbes}
			},
		}, nil
	})
}

func probeSink(t *testing.T) pipeline.Sink {
	return makeSink(t, "scores", scoresConfig{Metric: "test_probe", On: map[string]string{"clean": "clean"}})
}

func TestScoresOfAccuracy(t *testing.T) {
	s := sinkFixtures["scores"](t)
	open(t, s)
	feed(t, memory.DefaultAllocator, s)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]float64{}
	for _, score := range s.(pipeline.Scorer).Scores() {
		if score.Part == "" {
			seen[score.Model] = score.Value
			if score.Dimension != "accuracy" || score.N != 4 {
				t.Errorf("score is %+v", score)
			}
		}
	}
	// Rows 0 and 2 of the four of clean are right.
	if !reflect.DeepEqual(seen, map[string]float64{"a": 0.5, "b": 0.5}) {
		t.Errorf("scores are %v", seen)
	}
	if problems := s.(pipeline.Troubled).Problems(); len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
}

func TestScoresGoOnWithoutAFailedMetric(t *testing.T) {
	s := probeSink(t)
	open(t, s)
	feed(t, memory.DefaultAllocator, s)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := s.(pipeline.Scorer).Scores()
	want := []record.Score{
		{Model: "a", Dimension: "test_probe", Value: 4, N: 4, Partial: true, Note: "without more"},
		{Model: "a", Dimension: "test_probe", Part: "half", Value: 2},
	}
	if !slices.Equal(got, want) {
		t.Errorf("scores are %+v, want %+v", got, want)
	}
	if problems := s.(pipeline.Troubled).Problems(); len(problems) != 1 || problems[0] != "test_probe of b: cannot observe" {
		t.Errorf("problems: %q", problems)
	}
	if openProbes != 0 {
		t.Errorf("%d metrics are still open", openProbes)
	}
}

func TestScoresReportUndefinedOnes(t *testing.T) {
	probeFault = errors.New("is not defined")
	defer func() { probeFault = nil }()
	s := probeSink(t)
	open(t, s)
	rec := rowsOf(memory.DefaultAllocator, "clean", "a", 0, 1, true)
	if err := s.Write(context.Background(), rec); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	problems := s.(pipeline.Troubled).Problems()
	if len(problems) != 2 || problems[0] != "test_probe of a: is not defined" || !strings.Contains(problems[1], `no predictions of pipeline "clean"`) {
		t.Errorf("problems: %q", problems)
	}
	if len(s.(pipeline.Scorer).Scores()) != 0 || openProbes != 0 {
		t.Errorf("scores %v, %d metrics open", s.(pipeline.Scorer).Scores(), openProbes)
	}
}

func TestScoresAbortFreesMetrics(t *testing.T) {
	s := probeSink(t)
	open(t, s)
	feed(t, memory.DefaultAllocator, s)
	s.Abort()
	if openProbes != 0 {
		t.Errorf("%d metrics are still open", openProbes)
	}
}

func TestScoresOptionsAreChecked(t *testing.T) {
	failing := registry.Raw{Value: map[string]any{"fail": true}, DecodeInto: func(into any) error {
		into.(*probeConfig).Fail = true
		return nil
	}}
	on := map[string]string{"clean": "clean"}
	for name, c := range map[string]struct {
		config scoresConfig
		words  []string
	}{
		"unknown metric": {scoresConfig{Metric: "acuracy"}, []string{`metric: unknown metric "acuracy"; did you mean "accuracy"?`}},
		"missing role":   {scoresConfig{Metric: "test_probe"}, []string{"on.clean: must name the pipeline"}},
		"unknown role":   {scoresConfig{Metric: "test_probe", On: map[string]string{"clean": "x", "mroe": "x"}}, []string{`on.mroe: unknown role`, `did you mean "more"`}},
		"name":           {scoresConfig{Metric: "test_probe", As: "On Noisy", On: on}, []string{"as: must be a lower-case letter", `got "On Noisy"`}},
		"other metric":   {scoresConfig{Metric: "test_probe", As: "accuracy", On: on}, []string{`as: "accuracy" is the name of another metric`}},
		"options":        {scoresConfig{Metric: "test_probe", On: on, Options: failing}, []string{"options.fail: must not be true", "options.other: is wrong too"}},
	} {
		_, err := tryMakeSink("scores", c.config)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: error %q lacks %q", name, err, word)
			}
		}
	}
}

func TestScoresBind(t *testing.T) {
	s := makeSink(t, "scores", scoresConfig{Metric: "test_probe", On: map[string]string{"clean": "claen", "more": "noisy"}})
	err := s.(pipeline.Binder).Bind([]string{"clean", "noisy"})
	var field *registry.FieldError
	if !errors.As(err, &field) || field.Field != "on.clean" || !strings.Contains(err.Error(), `unknown pipeline "claen"; did you mean "clean"?`) {
		t.Errorf("error is %v", err)
	}
	if err := s.(pipeline.Binder).Bind([]string{"claen", "noisy"}); err != nil {
		t.Error(err)
	}
}

func TestScoresNeedsAndSpec(t *testing.T) {
	value := map[string]any{"a": 1}
	s := makeSink(t, "scores", scoresConfig{
		Metric: "test_probe", On: map[string]string{"clean": "clean"},
		Options: registry.Raw{Value: value, DecodeInto: func(any) error { return nil }},
	})
	if needs := s.(pipeline.Needer).Needs("clean"); !slices.Equal(needs, []string{record.ColProbs}) {
		t.Errorf("needs %v", needs)
	}
	if needs := s.(pipeline.Needer).Needs("noisy"); len(needs) > 0 {
		t.Errorf("needs %v of a pipeline that is not bound", needs)
	}
	want := record.MetricSpec{Dimension: "test_probe", Metric: "test_probe", Options: value, On: map[string]string{"clean": "clean"}}
	if got := s.(pipeline.Describer).MetricSpec(); !reflect.DeepEqual(got, want) {
		t.Errorf("spec is %+v, want %+v", got, want)
	}
}

// One metric can be measured on several pipelines, each under its own name.
func TestScoresUnderAnotherName(t *testing.T) {
	s := makeSink(t, "scores", scoresConfig{Metric: "accuracy", As: "accuracy_noisy", On: map[string]string{"clean": "noisy"}})
	open(t, s)
	feed(t, memory.DefaultAllocator, s)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := s.(pipeline.Scorer).Scores()
	if len(got) != 4 {
		t.Fatalf("scores are %+v", got)
	}
	for _, score := range got {
		if score.Dimension != "accuracy_noisy" {
			t.Errorf("score is %+v", score)
		}
	}
	want := record.MetricSpec{Dimension: "accuracy_noisy", Metric: "accuracy", On: map[string]string{"clean": "noisy"}}
	if got := s.(pipeline.Describer).MetricSpec(); !reflect.DeepEqual(got, want) {
		t.Errorf("spec is %+v, want %+v", got, want)
	}
}

func TestClaims(t *testing.T) {
	on := map[string]string{"clean": "clean"}
	for want, s := range map[string]pipeline.Sink{
		"accuracy":        makeSink(t, "scores", scoresConfig{Metric: "accuracy", As: "accuracy", On: on}),
		"test_probe":      makeSink(t, "scores", scoresConfig{Metric: "test_probe", On: on}),
		"accuracy_noisy":  makeSink(t, "scores", scoresConfig{Metric: "accuracy", As: "accuracy_noisy", On: on}),
		"the predictions": makeSink(t, "predictions", predictionsConfig{}),
	} {
		if got := s.(pipeline.Exclusive).Claim(); got != want {
			t.Errorf("claim is %q, want %q", got, want)
		}
	}
}

func TestScoresOfParametersNeedNoPredictions(t *testing.T) {
	s := makeSink(t, "scores", scoresConfig{Metric: "parameters"})
	run := open(t, s)
	run.Models[0].Info.Parameters = 12_345_678
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := s.(pipeline.Scorer).Scores()
	if len(got) == 0 || got[0].Model != "a" || math.Abs(got[0].Value-12.3) > 1e-12 {
		t.Errorf("scores are %+v", got)
	}
	if problems := s.(pipeline.Troubled).Problems(); len(problems) != 1 || !strings.Contains(problems[0], "parameters of b") {
		t.Errorf("problems: %q", problems)
	}
}
