package metrics_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"quba/metrics"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// probe is a metric that counts the rows of its roles.
type probe struct {
	rows   map[string]int64
	value  float64
	closed int
	refuse bool
}

func (p *probe) Observe(role string, v record.View) error {
	if p.refuse {
		return errors.New("refused")
	}
	p.rows[role] += int64(v.Len())
	return nil
}

func (p *probe) Score() (metrics.Score, error) {
	return metrics.Score{Value: p.value, N: p.rows["a"], Notes: []string{"said"}, Parts: []metrics.Part{{Name: "b", Value: float64(p.rows["b"])}}}, nil
}

func (p *probe) Close() error {
	p.closed++
	return nil
}

// probeBinding makes probes that are kept in made, by the class count of the
// model's Env.
func probeBinding(on map[string]string, made map[int]*probe) metrics.Binding {
	return metrics.Binding{Name: "probing", On: on, Spec: metrics.Spec{
		Roles: []metrics.Role{{Name: "a", Doc: "needed"}, {Name: "b", Doc: "optional", Optional: true}},
		New: func(env metrics.Env) metrics.Metric {
			p, ok := made[env.Classes]
			if !ok {
				p = &probe{value: 0.5}
				made[env.Classes] = p
			}
			p.rows = map[string]int64{}
			return p
		},
	}}
}

// classOf tells models apart by the length of their name.
func classOf(model string) metrics.Env { return metrics.Env{Classes: len(model)} }

func observeRows(t *testing.T, f *metrics.Fold, model, pipeline string, n int) error {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := record.NewBuilder(mem, false)
	defer b.Release()
	for range n {
		b.Append(record.Row{Model: model, Pipeline: pipeline, Label: 0}, []float32{1, 0}, record.Logits)
	}
	rec := b.NewRecord()
	defer rec.Release()
	v, err := record.NewView(rec)
	if err != nil {
		t.Fatal(err)
	}
	return f.Observe(v)
}

// A score among 16 classes must not pass for one among the model's own.
func TestFoldSaysThatRecordsAreOfADecision(t *testing.T) {
	coarse := record.PipelineRecord{Name: "edges", Decision: "pair", Classes: []string{"low", "high"}}
	for name, b := range map[string]metrics.Binding{
		"a: decided among the 2 classes of pair, not among the model's own": probeBinding(map[string]string{"a": "edges"}, map[int]*probe{}),
		"": {Name: "probing", On: map[string]string{"a": "edges"}, Spec: metrics.Spec{
			Roles: []metrics.Role{{Name: "a", Decision: "pair"}},
			New:   func(metrics.Env) metrics.Metric { return &probe{rows: map[string]int64{}} },
		}},
	} {
		f := metrics.NewFold(b, []record.PipelineRecord{coarse}, classOf)
		if err := observeRows(t, f, "m", "edges", 1); err != nil {
			t.Fatal(err)
		}
		scores, faults := f.Scores([]string{"m"})
		if len(faults) > 0 || strings.Contains(scores[0].Note, "decided among") != (name != "") || !strings.Contains(scores[0].Note, name) {
			t.Errorf("got %+v, %v; want the note %q", scores, faults, name)
		}
	}
}

func TestFoldRoutesByModelAndPipeline(t *testing.T) {
	made := map[int]*probe{}
	f := metrics.NewFold(probeBinding(map[string]string{"a": "p", "b": "q"}, made), nil, classOf)
	for _, call := range []struct {
		model, pipeline string
		n               int
	}{{"m", "p", 3}, {"mm", "p", 2}, {"m", "other", 7}, {"m", "q", 4}, {"m", "p", 1}, {"mm", "q", 0}} {
		if err := observeRows(t, f, call.model, call.pipeline, call.n); err != nil {
			t.Fatal(err)
		}
	}
	got, failures := f.Scores([]string{"mm", "m", "mmm"})
	want := []record.Score{
		{Model: "mm", Dimension: "probing", Value: 0.5, N: 2, Partial: true, Note: "said; without b"},
		{Model: "mm", Dimension: "probing", Part: "b", Value: 0},
		{Model: "m", Dimension: "probing", Value: 0.5, N: 4, Note: "said"},
		{Model: "m", Dimension: "probing", Part: "b", Value: 4},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var failure *metrics.ScoreError
	if len(failures) != 1 || !errors.As(failures[0], &failure) || failure.Model != "mmm" || failure.Dimension != "probing" {
		t.Errorf("failures: %v", failures)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range made {
		if p.closed != 1 {
			t.Errorf("closed %d times", p.closed)
		}
	}
}

func TestFoldDropsAModel(t *testing.T) {
	made := map[int]*probe{1: {refuse: true}}
	f := metrics.NewFold(probeBinding(map[string]string{"a": "p"}, made), nil, classOf)
	defer f.Close()
	var failure *metrics.ScoreError
	if err := observeRows(t, f, "m", "p", 1); !errors.As(err, &failure) || failure.Model != "m" {
		t.Fatalf("got %v", err)
	}
	f.Drop("m")
	f.Drop("never seen")
	if err := observeRows(t, f, "m", "p", 1); err != nil {
		t.Errorf("a dropped model is still observed: %v", err)
	}
	if made[1].closed != 1 {
		t.Errorf("closed %d times", made[1].closed)
	}
	if scores, failures := f.Scores([]string{"m", "never seen"}); len(scores)+len(failures) > 0 {
		t.Errorf("got %v and %v", scores, failures)
	}
}

func TestFoldRefusesWhatIsNotFinite(t *testing.T) {
	zero := 0.0
	made := map[int]*probe{1: {value: zero / zero}}
	f := metrics.NewFold(probeBinding(map[string]string{"a": "p"}, made), nil, classOf)
	defer f.Close()
	if err := observeRows(t, f, "m", "p", 1); err != nil {
		t.Fatal(err)
	}
	if scores, failures := f.Scores([]string{"m"}); len(scores) != 0 || len(failures) != 1 {
		t.Errorf("got %v and %v", scores, failures)
	}
}

func TestFoldWithoutRoles(t *testing.T) {
	b := metrics.Binding{Name: "parameters", Spec: newSpec(t, "parameters")}
	f := metrics.NewFold(b, nil, func(string) metrics.Env { return metrics.Env{Parameters: 2_000_000} })
	defer f.Close()
	scores, failures := f.Scores([]string{"x", "y"})
	if len(failures) != 0 || len(scores) != 4 || scores[2].Model != "y" || scores[2].Value != 2 {
		t.Errorf("got %v and %v", scores, failures)
	}
}

func TestCheckBinding(t *testing.T) {
	accuracy := newSpec(t, "accuracy")
	for name, c := range map[string]struct {
		on   map[string]string
		want []string
	}{
		"good":    {map[string]string{"clean": "p"}, nil},
		"missing": {nil, []string{"on.clean: must name the pipeline"}},
		"slip":    {map[string]string{"claen": "p"}, []string{"on.clean: must name", `on.claen: unknown role of accuracy "claen"; did you mean "clean"?`}},
	} {
		t.Run(name, func(t *testing.T) {
			err := metrics.Check(metrics.Binding{Name: "accuracy", Spec: accuracy, On: c.on})
			if len(c.want) == 0 && err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			var field *registry.FieldError
			if len(c.want) > 0 && !errors.As(err, &field) {
				t.Errorf("%v holds no FieldError", err)
			}
		})
	}
}

// Caveats of a model count for the scores that are made from the pipelines they
// are of, once each.
func TestFoldNotesTheModelsCaveats(t *testing.T) {
	env := func(model string) metrics.Env {
		if model != "m" {
			return classOf(model)
		}
		return metrics.Env{Notes: map[string][]string{"p": {"in float32"}, "q": {"in float32", "batch of 1"}, "r": {"elsewhere"}}}
	}
	f := metrics.NewFold(probeBinding(map[string]string{"a": "p", "b": "q"}, map[int]*probe{}), nil, env)
	for _, pipeline := range []string{"p", "q", "r"} {
		for _, model := range []string{"m", "mm"} {
			if err := observeRows(t, f, model, pipeline, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	scores, faults := f.Scores([]string{"m", "mm"})
	if len(faults) > 0 || scores[0].Note != "said; in float32; batch of 1" || scores[2].Note != "said" {
		t.Errorf("got %+v, %v", scores, faults)
	}
}
