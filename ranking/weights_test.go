package ranking

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseWeights(t *testing.T) {
	for name, text := range map[string]string{
		"yaml": "acc: 2\nshape_bias: 0.25\nparameters: 0 # left out\n",
		"json": `{"accuracy": 2, "shape_bias": 0.25, "params_m": 0}`,
	} {
		t.Run(name, func(t *testing.T) {
			w, err := parseWeights("w", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if want := (Weights{"accuracy": 2, "shape_bias": 0.25, "parameters": 0}); !maps.Equal(w, want) {
				t.Errorf("got %v, want %v", w, want)
			}
		})
	}
}

func TestWeightFileFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"all at once": {"acuracy: 1\nshape_bias: -1\nacc: high\n", []string{
			`w:1:1: unknown dimension "acuracy"; did you mean "accuracy"?`, "w:2:1: weight of shape_bias must be 0..", "w:3:1: weight of acc must be a number",
		}},
		"twice":     {"acc: 1\naccuracy: 2\n", []string{"w:2:1: weight of accuracy is given twice"}},
		"repeated":  {"acc: 1\nacc: 2\n", []string{"w:2:1: weight of accuracy is given twice"}},
		"list":      {"- 1\n", []string{"w:1:1: must be a mapping"}},
		"quoted":    {"acc: \"1\"\n", []string{"must be a number"}},
		"nan":       {"acc: .nan\n", []string{"must be 0..1e+09, got NaN"}},
		"infinite":  {"acc: .inf\n", []string{"must be 0..1e+09"}},
		"nested":    {"acc: {a: 1}\n", []string{"must be a number"}},
		"empty":     {"", []string{"w: is empty"}},
		"two":       {"acc: 1\n---\nacc: 2\n", []string{"w: must hold one document"}},
		"no syntax": {"{acc: 1", []string{"w: yaml: "}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseWeights("w", []byte(c.text))
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
	if _, err := ReadWeights(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("no error for an absent file")
	}
}

func TestParseWeightFlag(t *testing.T) {
	w := Weights{}
	if err := w.ParseWeight("adv_rob = 0.5"); err != nil || w["adversarial_robustness"] != 0.5 {
		t.Errorf("got %v, %v", w, err)
	}
	for _, text := range []string{"acc", "acc=x", "acc=-1", "nothing=1", "adv_rob=1"} {
		if err := w.ParseWeight(text); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
}

func FuzzWeights(f *testing.F) {
	f.Add([]byte("acc: 2\nshape_bias: 0.25\n"))
	f.Add([]byte(`{"accuracy": 1e3}`))
	f.Add([]byte("a: &x 1\nacc: *x\n<<: {acc: 1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := parseWeights("w", data)
		if err != nil {
			return
		}
		if _, err := w.resolve(); err != nil && len(w) < len(dimensions) {
			t.Fatalf("%v were read but cannot be used: %v", w, err)
		}
	})
}
