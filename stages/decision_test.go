package stages

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
)

func decisionOfStage(t *testing.T, c decisionConfig) *decision {
	t.Helper()
	if c.Rule == "" {
		c.Rule = "mean"
	}
	return makeStage(t, "decision", c).(*decision)
}

func TestDecisionMapsLabels(t *testing.T) {
	tabby, _ := imagenet.Index("n02123045")
	tench, _ := imagenet.Index("n01440764")
	d := decisionOfStage(t, decisionConfig{Among: "categories16", Ties: "last"})
	tests := map[string]struct {
		label, want int32
		left        bool
	}{
		"in a category": {tabby, 7, true},
		"in none":       {tench, 0, false},
		"no label":      {record.NoClass, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := d.Apply(context.Background(), pipeline.Sample{ID: "x", Label: test.label, Cue: record.NoClass})
			if err != nil || (len(out) == 1) != test.left {
				t.Fatalf("got %v, %v", out, err)
			}
			if !test.left {
				return
			}
			if s := out[0]; s.Label != test.want || s.Cue != record.NoClass || s.Decision.Ties != record.Last {
				t.Errorf("got label %d, cue %d, decision %+v", s.Label, s.Cue, s.Decision)
			}
		})
	}
}

// The cue 7 of a stylize stage may be a category, which is not the class 7 of
// ImageNet.
func TestDecisionRefusesCuesOfUnknownClasses(t *testing.T) {
	d := decisionOfStage(t, decisionConfig{Among: "categories16"})
	tabby, _ := imagenet.Index("n02123045")
	_, err := d.Apply(context.Background(), pipeline.Sample{ID: "x", Label: tabby, Cue: 7})
	if err == nil || !strings.Contains(err.Error(), "put the stage decision before the one that sets cues") {
		t.Errorf("got %v", err)
	}
}

func TestDecisionKeepsLabelsThatAreItsOwn(t *testing.T) {
	last := decisionOfStage(t, decisionConfig{Among: "categories16", Ties: "last"})
	in := pipeline.Sample{Label: 3, Cue: 5, Decision: imagenet.Categories16(record.First)}
	out, err := last.Apply(context.Background(), in)
	if err != nil || out[0].Label != 3 || out[0].Cue != 5 || out[0].Decision != last.Decision() {
		t.Errorf("got %+v, %v", out, err)
	}
	in.Decision = imagenet.ImageNet9()
	if _, err := last.Apply(context.Background(), in); err == nil || !strings.Contains(err.Error(), "classes of imagenet_9 already") {
		t.Errorf("got %v", err)
	}
}

func TestDecisionMapFile(t *testing.T) {
	tests := map[string]struct {
		text    string
		outputs int
		rule    string
		want    string
	}{
		"indexes":      {"class,category\n0,fruit\n2,animal\n1,fruit\n", 4, "mean", ""},
		"wnids":        {"category,class\nfish,n01440764\n", 0, "subset", ""},
		"header":       {"a,b\n", 4, "mean", "line 1: must be a header with class and category"},
		"empty":        {"", 4, "mean", "line 1: must be a header"},
		"no rows":      {"class,category\n", 4, "mean", "has no class"},
		"out of range": {"class,category\n4,fruit\n", 4, "mean", `line 2: class must be an index below 4, or a wnid of ImageNet's 1000 classes, got "4"`},
		"twice":        {"class,category\n1,a\n1,b\n", 4, "mean", `line 3: class "1" is there twice`},
		"no category":  {"class,category\n1,\n", 4, "mean", `line 2: class "1" must have a category`},
		"not a subset": {"class,category\n0,a\n1,a\n", 4, "subset", `class "a" must have one output with rule subset, has 2`},
		"wnid of few":  {"class,category\nn01440764,fish\n", 4, "mean", "must be an index below 4"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "coarse.csv")
			if err := os.WriteFile(path, []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := tryMakeStage("decision", decisionConfig{Among: "map", Map: path, Outputs: test.outputs, Rule: test.rule})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDecisionMapMustNotPassForAPublishedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "categories16")
	if err := os.WriteFile(path, []byte("class,category\n0,fish\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := tryMakeStage("decision", decisionConfig{Among: "map", Map: path, Rule: "mean"})
	wantFieldError(t, err, "map")
}

func TestDecisionMapOrdersCategoriesByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coarse.csv")
	if err := os.WriteFile(path, []byte("class,category\n0,fruit\n2,animal\n1,fruit\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := decisionOfStage(t, decisionConfig{Among: "map", Map: path, Outputs: 4, Rule: "sum"}).Decision()
	if d.Name != "coarse.csv" || !slices.Equal(d.Classes, []string{"animal", "fruit"}) || !slices.Equal(d.Of, []int32{1, 1, 0, record.NoClass}) || d.Rule != record.Sum {
		t.Errorf("got %+v", d)
	}
}
