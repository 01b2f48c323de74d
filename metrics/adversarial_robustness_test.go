package metrics_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"quba/metrics"
	"quba/pipeline/record"
)

// attacked is a number of adversarial images, the first of them right before
// and after the attack. Their norms go up to those given, evenly.
type attacked struct {
	perturbation     string
	severity         int32
	n, before, after int
	linf, l2         float64
	backward         int32
	zero             int // images that met a gradient of zeros
}

func observeAttacked(t testing.TB, m metrics.Metric, role string, groups ...attacked) error {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := record.NewBuilder(mem, false)
	defer b.Release()
	for _, g := range groups {
		for i := range g.n {
			part := float64(i+1) / float64(g.n)
			row := record.Row{Model: "m", Pipeline: "p", Perturbation: g.perturbation, Severity: g.severity, ID: fmt.Sprint(i), Label: 1, Cue: record.NoClass, Attack: &record.Attack{
				Before: i < g.before, Linf: float32(g.linf * part), L2: float32(g.l2 * part),
				Forward: g.backward + 1, Backward: g.backward, ZeroGradient: i < g.zero,
			}}
			if i < g.after {
				row.Label = 0
			}
			b.Append(row, []float32{1, 0}, record.Logits)
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	v, err := record.NewView(rec)
	if err != nil {
		t.Fatal(err)
	}
	return m.Observe(role, v)
}

// adversarialSpec sets the options of the metric; a zero keeps the default.
func adversarialSpec(t testing.TB, at float64, score string) (metrics.Spec, error) {
	t.Helper()
	entry, err := metrics.Registry.Lookup("adversarial_robustness")
	if err != nil {
		t.Fatal(err)
	}
	return entry.New(func(into any) error {
		options := reflect.ValueOf(into).Elem()
		if at != 0 {
			options.FieldByName("At").SetFloat(at)
		}
		if score != "" {
			options.FieldByName("Score").SetString(score)
		}
		return nil
	})
}

// scoreAttacked observes groups by role, in the order of the roles.
func scoreAttacked(t testing.TB, at float64, score string, groups map[string][]attacked) (metrics.Score, error) {
	t.Helper()
	spec, err := adversarialSpec(t, at, score)
	if err != nil {
		t.Fatal(err)
	}
	m := spec.New(metrics.Env{Protocol: metrics.Standard})
	for _, role := range spec.Roles {
		if err := observeAttacked(t, m, role.Name, groups[role.Name]...); err != nil {
			t.Fatal(err)
		}
	}
	return m.Score()
}

func mustScoreAttacked(t testing.TB, at float64, score string, groups map[string][]attacked) metrics.Score {
	t.Helper()
	s, err := scoreAttacked(t, at, score, groups)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sweeps are two attacks of three eps on 20 images, 16 of them right before.
func sweeps() map[string][]attacked {
	return map[string][]attacked{
		"fgsm": {
			{perturbation: "fgsm", severity: 50, n: 20, before: 16, after: 14, linf: 0.5 / 255, l2: 0.25, backward: 1},
			{perturbation: "fgsm", severity: 200, n: 20, before: 16, after: 12, linf: 2. / 255, l2: 1, backward: 1},
			{perturbation: "fgsm", severity: 800, n: 20, before: 16, after: 9, linf: 8. / 255, l2: 4, backward: 1},
		},
		"pgd": {
			{perturbation: "pgd", severity: 50, n: 20, before: 16, after: 12, linf: 0.5 / 255, l2: 0.25, backward: 10},
			{perturbation: "pgd", severity: 200, n: 20, before: 16, after: 6, linf: 2. / 255, l2: 1, backward: 10},
			{perturbation: "pgd", severity: 800, n: 20, before: 16, after: 1, linf: 8. / 255, l2: 4, backward: 10},
		},
	}
}

// fgsmArea and pgdArea are the areas of sweeps, by hand: trapezoids over eps
// 0, 0.5, 2 and 8 of ratios in 16ths.
const (
	fgsmArea = (0.5*(16+14)/2 + 1.5*(14+12)/2 + 6*(12+9)/2.) / 16 / 8
	pgdArea  = (0.5*(16+12)/2 + 1.5*(12+6)/2 + 6*(6+1)/2.) / 16 / 8
)

func TestAdversarialRobustness(t *testing.T) {
	s := mustScoreAttacked(t, 0, "", sweeps())
	near(t, "value", s.Value, math.Sqrt(9./16*1/16), 1e-12)
	for name, want := range map[string]float64{
		"fgsm": 9. / 16, "fgsm/before": 0.8, "fgsm/after": 9. / 20, "fgsm/auc": fgsmArea, "fgsm/forward": 120, "fgsm/backward": 60,
		"pgd": 1. / 16, "pgd/before": 0.8, "pgd/after": 1. / 20, "pgd/auc": pgdArea, "pgd/forward": 660, "pgd/backward": 600,
		"pgd/zero_gradients": 0, "pgd/eps_0.5": 12. / 16, "pgd/eps_2": 6. / 16, "pgd/eps_8": 1. / 16, "pgd/eps_2/after": 6. / 20,
		"auc": math.Sqrt(fgsmArea * pgdArea),
	} {
		near(t, name, part(t, s, name), want, 1e-12)
	}
	// Norms are even steps up to the largest; records hold them in float32.
	for name, want := range map[string]float64{
		"pgd/linf_max": 8. / 255, "pgd/linf_mean": 8. / 255 * 21 / 40, "pgd/l2_max": 4, "pgd/l2_mean": 4 * 21. / 40,
		"fgsm/eps_0.5/l2_max": 0.25, "fgsm/eps_0.5/linf_mean": 0.5 / 255 * 21 / 40,
	} {
		near(t, name, part(t, s, name), want, 1e-6)
	}
	for name, want := range map[string]int64{"pgd": 20, "pgd/forward": 60, "auc": 120, "pgd/eps_2/l2_mean": 20} {
		if got := countOf(t, s, name); got != want {
			t.Errorf("%s is over %d images, want %d", name, got, want)
		}
	}
	if s.N != 40 || len(s.Missing) > 0 || len(s.Notes) > 0 {
		t.Errorf("n %d, missing %v, notes %q", s.N, s.Missing, s.Notes)
	}
}

func TestAdversarialRobustnessAsAnArea(t *testing.T) {
	s := mustScoreAttacked(t, 0, "auc", sweeps())
	near(t, "value", s.Value, math.Sqrt(fgsmArea*pgdArea), 1e-12)
	near(t, "pgd", part(t, s, "pgd"), 1./16, 1e-12)
	if want := []string{"area under relative accuracy over eps 0.5, 2, 8 of 255, not relative accuracy at eps 8"}; s.N != 120 || !slices.Equal(s.Notes, want) {
		t.Errorf("n %d, notes %q", s.N, s.Notes)
	}
}

func TestAdversarialRobustnessAtAnotherEps(t *testing.T) {
	s := mustScoreAttacked(t, 0.5, "", sweeps())
	near(t, "value", s.Value, math.Sqrt(14./16*12/16), 1e-12)
	if want := []string{"at eps 0.5/255, not 8/255"}; !slices.Equal(s.Notes, want) {
		t.Errorf("notes are %q, want %q", s.Notes, want)
	}
	if _, err := adversarialSpec(t, 0.505, ""); err == nil || !strings.Contains(err.Error(), "at: must be a multiple of 0.01, got 0.505") {
		t.Errorf("got %v", err)
	}
}

// One attack alone is a partial score; those that only add parts are not
// missed.
func TestAdversarialRobustnessOfOneAttack(t *testing.T) {
	groups := sweeps()
	delete(groups, "fgsm")
	s := mustScoreAttacked(t, 0, "", groups)
	near(t, "value", s.Value, 1./16, 1e-12)
	near(t, "auc", part(t, s, "auc"), pgdArea, 1e-12)
	if !slices.Equal(s.Missing, []string{"fgsm"}) || s.N != 20 || hasPart(s, "fgsm/forward") {
		t.Errorf("missing %v, n %d", s.Missing, s.N)
	}
}

func TestAttacksThatOnlyAddParts(t *testing.T) {
	groups := sweeps()
	groups["apgd"] = []attacked{{perturbation: "apgd", severity: 200, n: 20, before: 16, after: 2, backward: 10}}
	groups["pgd_l2"] = []attacked{{perturbation: "pgd_l2", severity: 800, n: 20, before: 16, after: 4, linf: 0.7, l2: 0.8, backward: 10}}
	groups["square"] = []attacked{{perturbation: "square", severity: 800, n: 10, before: 8, after: 6}}
	s := mustScoreAttacked(t, 0, "", groups)
	near(t, "value", s.Value, math.Sqrt(9./16*1/16), 1e-12)
	for name, want := range map[string]float64{"apgd/eps_2": 2. / 16, "pgd_l2/eps_0.8": 4. / 16, "square": 6. / 8, "square/backward": 0} {
		near(t, name, part(t, s, name), want, 1e-12)
	}
	for _, name := range []string{"apgd", "pgd_l2", "apgd/auc", "square/zero_gradients"} {
		if hasPart(s, name) {
			t.Errorf("there is a part %s", name)
		}
	}
	want := []string{"square is not compared with pgd, which attacked other images (8 of 10 and 16 of 20 right before, eps 8)"}
	if s.N != 40 || len(s.Missing) > 0 || !slices.Equal(s.Notes, want) {
		t.Errorf("n %d, missing %v, notes %q", s.N, s.Missing, s.Notes)
	}
}

// The areas of different sweeps say nothing together.
func TestAreasNeedTheSameEps(t *testing.T) {
	groups := sweeps()
	groups["fgsm"] = groups["fgsm"][1:]
	if s := mustScoreAttacked(t, 0, "", groups); hasPart(s, "auc") || !hasPart(s, "fgsm/auc") {
		t.Errorf("got parts %v", s.Parts)
	}
	want := "areas are comparable over the same eps only: fgsm has eps 2, 8, pgd has 0.5, 2, 8"
	if _, err := scoreAttacked(t, 0, "auc", groups); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAdversarialScoresThatAreNotDefined(t *testing.T) {
	pgd := func(g attacked) map[string][]attacked {
		g.perturbation = "pgd"
		return map[string][]attacked{"pgd": {g}}
	}
	for want, c := range map[string]struct {
		score  string
		groups map[string][]attacked
	}{
		"neither fgsm nor pgd was seen":                                                        {"", map[string][]attacked{"square": {{perturbation: "square", severity: 800, n: 1, before: 1}}}},
		"none of 3 images was classified correctly before pgd at eps 8":                        {"", pgd(attacked{severity: 800, n: 3})},
		"pgd has no images at eps 8, which the score is made at; there are eps 0.25":           {"", pgd(attacked{severity: 25, n: 3, before: 1})},
		"needs at least two eps; pgd has eps 8: give its stage a list, or choose score: gmean": {"auc", pgd(attacked{severity: 800, n: 3, before: 1})},
	} {
		if s, err := scoreAttacked(t, 0, c.score, c.groups); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %+v and error %v, want %q", s, err, want)
		}
	}
}

func TestAttackFaults(t *testing.T) {
	for name, c := range map[string]struct {
		role   string
		groups []attacked
		want   string
	}{
		"other attack":   {"pgd", []attacked{{perturbation: "fgsm", severity: 800, n: 1}}, `perturbation "fgsm" is not that of pgd; the stages of the pipeline that is bound to the role pgd must end in {type: pgd}`},
		"other stand-in": {"pgd", []attacked{{perturbation: "square_for_fgsm", severity: 800, n: 1}}, "is not that of pgd"},
		"mixed":          {"pgd", []attacked{{perturbation: "pgd", severity: 800, n: 1}, {perturbation: "square_for_pgd", severity: 800, n: 1}}, "attacked by square_for_pgd, others by pgd; they cannot be scored together"},
		"no eps":         {"pgd", []attacked{{perturbation: "pgd", n: 1}}, "severity must be the eps of pgd, above 0, got 0"},
		"beyond eps":     {"pgd", []attacked{{perturbation: "pgd", severity: 200, n: 1, linf: 2./255 + 2e-6}}, "largest change of a pixel is"},
		"no number":      {"pgd", []attacked{{perturbation: "pgd", severity: 200, n: 1, linf: math.NaN()}}, "largest change of a pixel is NaN"},
		"beyond L2 eps":  {"pgd_l2", []attacked{{perturbation: "pgd_l2", severity: 500, n: 1, l2: 0.50002}}, "L2 norm of the change is 0.5000200271606445, and eps of pgd_l2 allows 0.5"},
		"chains":         {"pgd", []attacked{{perturbation: "pgd", severity: 200, n: 1}, {perturbation: "fog-3+pgd", severity: 200, n: 1}}, "through nothing before and through fog-3"},
	} {
		err := observeAttacked(t, newSpec(t, "adversarial_robustness").New(metrics.Env{Protocol: metrics.Standard}), c.role, c.groups...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
}

// Images that no attack made are refused whatever they are called.
func TestImagesWithoutAttackAreRefused(t *testing.T) {
	for _, perturbation := range []string{"", "pgd"} {
		m := newSpec(t, "adversarial_robustness").New(metrics.Env{})
		err := observeCells(t, m, "pgd", cell{perturbation: perturbation, severity: 800, n: 1})
		if err == nil || !strings.Contains(err.Error(), "must end in {type: pgd}") {
			t.Errorf("got %v", err)
		}
	}
}

// The code that was released with the paper attacks the normalised image.
func TestEpsBoundsNoNormWithQubaCode(t *testing.T) {
	m := newSpec(t, "adversarial_robustness").New(metrics.Env{Protocol: metrics.QubaCode})
	if err := observeAttacked(t, m, "pgd", attacked{perturbation: "pgd", severity: 800, n: 2, before: 2, after: 1, linf: 0.9}); err != nil {
		t.Fatal(err)
	}
	s := scoreOf(t, m)
	near(t, "value", s.Value, 0.5, 1e-12)
	near(t, "pgd/linf_max", part(t, s, "pgd/linf_max"), 0.9, 1e-6)
}

func TestAttackNotes(t *testing.T) {
	const n, before = 100, 80
	group := func(attack string, severity int32, after int) attacked {
		return attacked{perturbation: attack, severity: severity, n: n, before: before, after: after, backward: 1}
	}
	for name, c := range map[string]struct {
		change func(groups map[string][]attacked)
		want   []string
	}{
		"nothing": {func(map[string][]attacked) {}, nil},
		"Square in the place of one": {
			func(g map[string][]attacked) { g["pgd"] = []attacked{group("square_for_pgd", 800, 70)} },
			[]string{"black-box Square in the place of pgd: the network has no gradient"},
		},
		"Square in the place of both": {
			func(g map[string][]attacked) {
				g["fgsm"], g["pgd"] = []attacked{group("square_for_fgsm", 800, 60)}, []attacked{group("square_for_pgd", 800, 61)}
				g["square"] = []attacked{group("square", 800, 59)}
			},
			[]string{"black-box Square in the place of fgsm: the network has no gradient", "black-box Square in the place of pgd: the network has no gradient"},
		},
		"zero gradients": {
			func(g map[string][]attacked) { g["pgd"][0].zero = 2 },
			[]string{"unreliable: 2 of 100 images met a gradient that is zero or not finite under pgd"},
		},
		"zero gradients of several eps": {
			func(g map[string][]attacked) {
				g["pgd"] = []attacked{group("pgd", 400, 10), group("pgd", 800, 10)}
				g["pgd"][0].zero, g["pgd"][1].zero = n, n
			},
			[]string{"unreliable: 200 of 200 adversarial images (one for each image and eps) met a gradient that is zero or not finite under pgd"},
		},
		"few zero gradients": {func(g map[string][]attacked) { g["pgd"][0].zero = 1 }, nil},
		"stronger attack is weaker": {
			func(g map[string][]attacked) { g["pgd"][0].after = 31; g["apgd"] = []attacked{group("apgd", 800, 32)} },
			[]string{
				"unreliable: accuracy under pgd, the stronger attack, is higher than under fgsm at eps 8",
				"unreliable: accuracy under apgd, the stronger attack, is higher than under fgsm at eps 8",
				"unreliable: accuracy under apgd, the stronger attack, is higher than under pgd at eps 8",
			},
		},
		"AutoPGD is weaker than PGD": {
			func(g map[string][]attacked) { g["apgd"] = []attacked{group("apgd", 800, 11)} },
			[]string{"unreliable: accuracy under apgd, the stronger attack, is higher than under pgd at eps 8"},
		},
		"AutoPGD beside Square in the place of PGD": {
			func(g map[string][]attacked) {
				g["pgd"], g["apgd"] = []attacked{group("square_for_pgd", 800, 10)}, []attacked{group("apgd", 800, 11)}
			},
			[]string{"black-box Square in the place of pgd: the network has no gradient"},
		},
		"other images are not compared": {
			func(g map[string][]attacked) {
				g["square"] = []attacked{{perturbation: "square", severity: 800, n: 90, before: 80}}
			},
			[]string{"square is not compared with pgd, which attacked other images (80 of 90 and 80 of 100 right before, eps 8)"},
		},
		"black box is stronger": {
			func(g map[string][]attacked) {
				g["apgd"] = []attacked{group("apgd", 800, 8)}
				g["square"] = []attacked{group("square", 800, 9)}
			},
			[]string{"unreliable: accuracy under square, which sees no gradient, is lower than under pgd at eps 8: the network may mask its gradients"},
		},
		"accuracy rises": {
			func(g map[string][]attacked) {
				g["fgsm"] = []attacked{group("fgsm", 100, 30), group("fgsm", 200, 20), group("fgsm", 400, 31), group("fgsm", 800, 33)}
			},
			[]string{"unreliable: accuracy under fgsm rises with eps (0.2 at eps 2, 0.33 at eps 8)"},
		},
		"numbers of images": {
			func(g map[string][]attacked) { g["fgsm"][0].n = 99 },
			[]string{"fgsm is over 99 images, pgd over 100 (eps 8)"},
		},
		"an extra that is not defined": {
			func(g map[string][]attacked) { g["square"] = []attacked{{perturbation: "square", severity: 800, n: 3}} },
			[]string{"no parts of square: none of its 3 images at eps 8 was classified correctly before"},
		},
		"chain": {
			func(g map[string][]attacked) {
				g["fgsm"][0].perturbation, g["pgd"][0].perturbation = "fog-3+fgsm", "fog-3+pgd"
			},
			[]string{"the images went through fog-3 before"},
		},
	} {
		groups := map[string][]attacked{"fgsm": {group("fgsm", 800, 30)}, "pgd": {group("pgd", 800, 10)}}
		c.change(groups)
		s := mustScoreAttacked(t, 0, "", groups)
		if diff := cmp.Diff(c.want, s.Notes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, p := range s.Parts {
			if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
				t.Errorf("%s: part %s is %v", name, p.Name, p.Value)
			}
		}
	}
}

// The whole binding: extras that are not bound leave the score whole.
func TestExtraRolesAreNotMissed(t *testing.T) {
	binding := metrics.Binding{Name: "adversarial_robustness", Spec: newSpec(t, "adversarial_robustness"), On: map[string]string{"fgsm": "p"}}
	if err := metrics.Check(binding); err != nil {
		t.Fatal(err)
	}
	f := metrics.NewFold(binding, nil, func(string) metrics.Env { return metrics.Env{} })
	defer f.Close()
	s := samples{outputs: [][]float32{{1, 0}}, labels: []int32{0}, variant: roleVariants["fgsm"]}
	observe(t, s, func(v record.View) {
		if err := f.Observe(v); err != nil {
			t.Fatal(err)
		}
	})
	scores, faults := f.Scores([]string{"m"})
	if len(faults) > 0 || !scores[0].Partial || scores[0].Note != "without pgd" {
		t.Errorf("got %+v, %v", scores[0], faults)
	}
}

// An area lies between the lowest and the highest ratio, that at eps 0 among
// them, and the curve comes back from the parts.
func TestAreaIsAMeanOfRatios(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		severities := rapid.SliceOfNDistinct(rapid.Int32Range(1, 25500), 2, 8, rapid.ID[int32]).Draw(rt, "severities")
		var groups []attacked
		lowest, highest := 1.0, 1.0
		for _, severity := range severities {
			before := rapid.IntRange(1, 10).Draw(rt, "before")
			after := rapid.IntRange(0, 10).Draw(rt, "after")
			groups = append(groups, attacked{perturbation: "pgd", severity: severity, n: 10, before: before, after: after})
			ratio := float64(after) / float64(before)
			lowest, highest = min(lowest, ratio), max(highest, ratio)
		}
		s := mustScoreAttacked(t, 0, "auc", map[string][]attacked{"pgd": groups})
		if s.Value < lowest-1e-12 || s.Value > highest+1e-12 {
			rt.Fatalf("area %v of ratios %v..%v", s.Value, lowest, highest)
		}
		points, rest := metrics.AttackPoints(s.Parts)
		slices.SortFunc(groups, func(a, b attacked) int { return int(a.severity - b.severity) })
		for i, g := range groups {
			want := metrics.AttackPoint{
				Attack: "pgd", Eps: float64(g.severity) / 100, N: 10,
				Ratio: float64(g.after) / float64(g.before), Before: float64(g.before) / 10, After: float64(g.after) / 10,
			}
			if points[i] != want {
				rt.Fatalf("point %d is %+v, want %+v", i, points[i], want)
			}
		}
		if len(points) != len(groups) || len(rest)+7*len(points) != len(s.Parts) {
			rt.Fatalf("%d points and %d other parts of %d", len(points), len(rest), len(s.Parts))
		}
	})
}
