package metrics_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/metrics"
	"quba/pipeline/record"
)

// benchmarkCorruptions is written out here again, from the paper.
var benchmarkCorruptions = strings.Fields(`gaussian_noise shot_noise impulse_noise defocus_blur glass_blur
	motion_blur zoom_blur snow frost fog brightness contrast elastic_transform pixelate jpeg_compression`)

// cell is a number of images with one perturbation, the first of them right.
type cell struct {
	perturbation string
	severity     int32
	n, right     int
}

func observeCells(t *testing.T, m metrics.Metric, role string, cells ...cell) error {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := record.NewBuilder(mem, false)
	defer b.Release()
	for _, c := range cells {
		for i := range c.n {
			row := record.Row{Model: "m", Pipeline: "p", Perturbation: c.perturbation, Severity: c.severity, ID: fmt.Sprint(i), Label: 1}
			if i < c.right {
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

func scoreCells(t *testing.T, baseline string, clean cell, corrupted ...cell) metrics.Score {
	t.Helper()
	m := corruptionRobustness(t, baseline)
	for role, cells := range map[string][]cell{"clean": {clean}, "corrupted": corrupted} {
		if err := observeCells(t, m, role, cells...); err != nil {
			t.Fatal(err)
		}
	}
	s, err := m.Score()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func corruptionRobustness(t *testing.T, baseline string) metrics.Metric {
	t.Helper()
	entry, err := metrics.Registry.Lookup("corruption_robustness")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := entry.New(func(into any) error {
		reflect.ValueOf(into).Elem().FieldByName("Baseline").SetString(baseline)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return spec.New(metrics.Env{})
}

// fullCells has every cell: of 20 images, 18 are right at severity 1 and two
// fewer at each further one; the k-th corruption has k fewer for k below 8.
func fullCells() []cell {
	var cells []cell
	for k, name := range benchmarkCorruptions {
		for severity := range int32(5) {
			cells = append(cells, cell{name, severity + 1, 20, 18 - 2*int(severity) - k%8})
		}
	}
	return cells
}

func TestCorruptionRobustness(t *testing.T) {
	s := scoreCells(t, "none", cell{n: 20, right: 16}, fullCells()...)
	// Mean over severities of right/20 is (14-k)/20, over the 15 values of k
	// (0..7 and 0..6) 14 - 49/15; relative to 0.8.
	near(t, "value", s.Value, (14-49.0/15)/20/0.8, 1e-12)
	near(t, "fog", part(t, s, "fog"), (14-1.0)/20/0.8, 1e-12)
	near(t, "fog/3", part(t, s, "fog/3"), 13.0/20, 1e-12)
	near(t, "clean", part(t, s, "clean"), 0.8, 1e-12)
	if s.N != 1500 || len(s.Missing) > 0 || len(s.Notes) > 0 {
		t.Errorf("n %d, missing %v, notes %v", s.N, s.Missing, s.Notes)
	}
	cells := 0
	for _, p := range s.Parts {
		if strings.Contains(p.Name, "/") {
			cells++
			if p.N != 20 {
				t.Errorf("%s has n %d", p.Name, p.N)
			}
		}
	}
	if cells != 75 {
		t.Errorf("%d parts for single cells, want 75", cells)
	}
}

// AlexNet's own errors, rounded to a thousandth, against the published ones
// (github.com/hendrycks/robustness): mCE and relative mCE are 100 but for that.
func TestMeanCorruptionErrorOfAlexNet(t *testing.T) {
	published := []int{886, 894, 923, 820, 826, 786, 798, 867, 827, 819, 565, 853, 646, 718, 607}
	exact := []float64{
		.886428, .894468, .92264, .81988, .826268, .785948, .79836, .866816,
		.826572, .819324, .564592, .853204, .646056, .71784, .6065,
	}
	mce, relative := 0.0, 0.0
	for k, e := range exact {
		rounded := float64(published[k]) / 1000
		mce += 100 * rounded / e / 15
		relative += 100 * (rounded - .4348) / (e - .4348) / 15
	}
	var cells []cell
	for k, name := range benchmarkCorruptions {
		for severity := range int32(5) {
			cells = append(cells, cell{name, severity + 1, 1000, 1000 - published[k]})
		}
	}
	s := scoreCells(t, "alexnet", cell{n: 10000, right: 5652}, cells...)
	near(t, "mce", part(t, s, "mce"), mce, 1e-9)
	near(t, "relative_mce", part(t, s, "relative_mce"), relative, 1e-9)
	near(t, "fog/ce", part(t, s, "fog/ce"), 100*.819/.819324, 1e-9)
	for _, p := range s.Parts {
		if p.Name == "fog/ce" && p.N != 5000 {
			t.Errorf("%s is over %d images, want 5000", p.Name, p.N)
		}
	}
}

func TestMeanCorruptionErrorOfAPerfectModel(t *testing.T) {
	cells := fullCells()
	for i := range cells {
		cells[i].right = cells[i].n
	}
	s := scoreCells(t, "alexnet", cell{n: 3, right: 3}, cells...)
	near(t, "mce", part(t, s, "mce"), 0, 1e-12)
	near(t, "relative_mce", part(t, s, "relative_mce"), 0, 1e-12)
	near(t, "value", s.Value, 1, 1e-12)
}

func TestMissingCellsAreListed(t *testing.T) {
	for name, c := range map[string]struct {
		keep func(cell) bool
		want []string
	}{
		"one cell":       {func(c cell) bool { return c.perturbation != "fog" || c.severity != 3 }, []string{"fog/3"}},
		"one corruption": {func(c cell) bool { return c.perturbation != "snow" }, []string{"snow"}},
		"one severity":   {func(c cell) bool { return c.severity == 3 }, []string{"severity 1", "severity 2", "severity 4", "severity 5"}},
	} {
		cells := slices.DeleteFunc(fullCells(), func(cell cell) bool { return !c.keep(cell) })
		s := scoreCells(t, "alexnet", cell{n: 1, right: 1}, cells...)
		if !slices.Equal(s.Missing, c.want) {
			t.Errorf("%s: missing is %v, want %v", name, s.Missing, c.want)
		}
		if !slices.Contains(s.Notes, "no mCE: it needs all 75 cells") {
			t.Errorf("%s: notes are %q", name, s.Notes)
		}
	}
}

func TestChainsFrostAndExtras(t *testing.T) {
	s := scoreCells(t, "none", cell{n: 2, right: 1},
		cell{"edges+frost_procedural", 2, 4, 1}, cell{"edges+fog", 1, 4, 2}, cell{"edges+saturate", 1, 4, 4})
	near(t, "frost/2", part(t, s, "frost/2"), 0.25, 0)
	near(t, "saturate", part(t, s, "saturate"), 2, 0)
	near(t, "value", s.Value, (0.5+1)/2, 0)
	for _, note := range []string{"frost is procedural, not the original textures", "the images went through edges before"} {
		if !slices.Contains(s.Notes, note) {
			t.Errorf("notes are %q, want %q", s.Notes, note)
		}
	}
}

func TestAnotherNumberOfCleanImagesIsSaid(t *testing.T) {
	s := scoreCells(t, "none", cell{n: 4, right: 1}, cell{"fog", 1, 4, 2}, cell{"fog", 2, 3, 1})
	if want := "clean accuracy is over 4 images, that of fog/2 over 3"; !slices.Contains(s.Notes, want) {
		t.Errorf("notes are %q, want %q", s.Notes, want)
	}
}

func TestCorruptionFaults(t *testing.T) {
	for name, c := range map[string]struct {
		cells []cell
		want  string
	}{
		"clean":    {[]cell{{n: 1}}, `"none" is none of the corruptions`},
		"unknown":  {[]cell{{"frog", 1, 1, 0}}, `"frog" is none of the corruptions`},
		"severity": {[]cell{{"fog", 6, 1, 0}}, "must be 1..5, got 6"},
		"chains":   {[]cell{{"fog", 1, 1, 0}, {"edges+fog", 1, 1, 0}}, "cannot be scored together"},
		"grids":    {[]cell{{"patch_shuffle-2+fog", 1, 1, 0}, {"patch_shuffle-4+fog", 1, 1, 0}}, "through patch_shuffle-2 before and through patch_shuffle-4"},
		"percent":  {[]cell{{"contrast_percent", 5, 1, 0}}, `"contrast_percent" is none of the corruptions`},
	} {
		err := observeCells(t, corruptionRobustness(t, "none"), "corrupted", c.cells...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
}

func TestCorruptionScoresThatAreNotDefined(t *testing.T) {
	for name, c := range map[string]struct {
		clean, corrupted cell
		want             string
	}{
		"nothing right":   {cell{n: 3}, cell{"fog", 1, 1, 1}, "clean accuracy is 0"},
		"only extras":     {cell{n: 3, right: 1}, cell{"spatter", 1, 1, 1}, "none of the 15"},
		"no clean images": {cell{}, cell{"fog", 1, 1, 1}, "no samples"},
	} {
		m := corruptionRobustness(t, "none")
		for role, cell := range map[string]cell{"clean": c.clean, "corrupted": c.corrupted} {
			if err := observeCells(t, m, role, cell); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Score(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
}
