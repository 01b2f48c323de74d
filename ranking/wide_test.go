package ranking

import (
	"encoding/csv"
	"math"
	"strings"
	"testing"
)

func TestCSVColumns(t *testing.T) {
	text := "\ufeffmodel,architecture,accuracy,cal_err,params_m,rank\r\nx,\"CNN, small\", 0.5 ,0.01,4.7,3\r\ny,,,0.02,5e0,\r\n"
	models, err := parseCSV("t.csv", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	x, y := models[0], models[1]
	if x.Name != "x" || x.Source != "t.csv:2" || x.Labels["architecture"] != "CNN, small" || x.Labels["rank"] != "3" ||
		x.Values["accuracy"].Value != 0.5 || x.Values["calibration_error"].Value != 0.01 {
		t.Errorf("got %+v", x)
	}
	if _, ok := y.Values["accuracy"]; ok || y.Values["parameters"].Value != 5 || len(y.Labels) != 0 {
		t.Errorf("got %+v", y)
	}
}

func TestCSVFaults(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", "t.csv: is empty"},
		"no models":     {"model,acc\n", "no models"},
		"no model":      {"acc\n0.5\n", `t.csv:1:1: the column "model" is missing`},
		"slip":          {"model,acuracy\nx,0.5\n", `t.csv:1:7: unknown column "acuracy"; did you mean "accuracy"?`},
		"same twice":    {"model,acc,accuracy\nx,0.5,0.5\n", `t.csv:1:11: columns "acc" and "accuracy" mean the same`},
		"label twice":   {"model,family,family\nx,a,b\n", `t.csv:1:14: columns "family" and "family"`},
		"nameless":      {"model,\nx,0.5\n", "t.csv:1:7: a column has no name"},
		"no name":       {"model,acc\nx,0.5\n ,0.5\n", "t.csv:3:1: the model has no name"},
		"short row":     {"model,acc,adv_rob\nx,0.5\n", "t.csv:2:1: must have as many cells as the header"},
		"no number":     {"model,acc\nx,0.5\ny,high\n", `t.csv:3:3: acc: must be a number, got "high"`},
		"nan":           {"model,acc\nx,NaN\n", `t.csv:2:3: acc: must be a finite number, got "NaN"`},
		"inf":           {"model,params_m\nx,-Inf\n", `t.csv:2:3: params_m: must be a finite number`},
		"overflow":      {"model,params_m\nx,1e999\n", `t.csv:2:3: params_m: must be a finite number`},
		"percentage":    {"model,acc\nx,76.5\n", `t.csv:2:3: acc: must be at most 1, got "76.5"`},
		"negative":      {"model,acc\nx,-0.1\n", `t.csv:2:3: acc: must be at least 0, got "-0.1"`},
		"params_m < 0":  {"model,params_m\nx,-1\n", `t.csv:2:3: params_m: must be at least 0`},
		"error above 1": {"model,cal_err\nx,1.5\n", `t.csv:2:3: cal_err: must be at most 1`},
		"stray quote":   {"model,acc\nx\"y,0.5\n", "t.csv:2:2: "},
		"broken string": {"model,acc\n\"x,0.5\n", "t.csv:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseCSV("t.csv", strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

// Whatever is read can be ranked or is refused with the file's name; what is
// written from it is read back the same.
func FuzzCSV(f *testing.F) {
	f.Add("model,acc\nx,0.5\n")
	f.Add("\ufeffmodel,cal_err,\"a\nb\"\r\nx,1e-3,\"q\"\"\"\r\n")
	f.Add("model,params_m,params_m\n,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		models, err := parseCSV("t.csv", strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "t.csv:") {
				t.Fatalf("error %q does not name the file", err)
			}
			return
		}
		r, err := QUBA(Cohort{Models: models}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		again := readBack(t, r)
		for i, m := range r.Models {
			if m.Scored && (math.IsNaN(m.QUBA) || math.IsInf(m.QUBA, 0)) {
				t.Fatalf("score is %v", m.QUBA)
			}
			for name, v := range m.Values {
				if again[i].Values[name].Value != v.Value {
					t.Fatalf("%s: wrote %v, read %v", name, v.Value, again[i].Values[name].Value)
				}
			}
		}
	})
}

func readBack(t *testing.T, r Ranking) []Model {
	t.Helper()
	var text strings.Builder
	header, rows := r.ExactRows()
	w := csv.NewWriter(&text)
	if err := w.WriteAll(append([][]string{header}, rows...)); err != nil {
		t.Fatal(err)
	}
	models, err := parseCSV("t.csv", strings.NewReader(text.String()))
	if err != nil {
		t.Fatalf("cannot read back %q: %v", text.String(), err)
	}
	return models
}
