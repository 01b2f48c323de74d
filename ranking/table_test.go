package ranking_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quba/metrics"
	"quba/ranking"
)

func smallCohort() ranking.Cohort {
	c := cohortOf([]string{"acc", "cal_err"}, [][]float64{{0.25, 0.001}})
	m := c.Models[0]
	m.Name = "lite0"
	m.Labels = map[string]string{"family": "efficientnet"}
	m.Values["accuracy"] = ranking.Value{Value: 0.25, N: 8, Parts: []metrics.Part{{Name: "top5", Value: 0.5, N: 8}}, Note: "few images"}
	m.Values["mce"] = ranking.Value{Value: 1.0 / 3}
	return ranking.Cohort{Models: []ranking.Model{m}, Protocol: "standard"}
}

func TestDocumentAsJSON(t *testing.T) {
	r := rank(t, smallCohort(), ranking.Options{Weights: ranking.Weights{
		"adv_rob": 0, "c_rob": 0, "ood_rob": 0, "class_balance": 0, "obj_focus": 0, "shape_bias": 0, "calibration_error": 0,
	}})
	r.Models[0].Bounds = &ranking.Bounds{Low: -1, High: 0.5}
	got, err := json.MarshalIndent(r.Document(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "schema_version": 1,
  "normalization": "paper",
  "protocol": "standard",
  "weights": {
    "accuracy": 1,
    "parameters": 1
  },
  "models": [
    {
      "model": "lite0",
      "rank": null,
      "quba": null,
      "partial": true,
      "missing": [
        "parameters"
      ],
      "quba_bounds": {
        "low": -1,
        "high": 0.5
      },
      "dimensions": {
        "accuracy": {
          "value": 0.25,
          "n": 8,
          "parts": {
            "top5": 0.5
          },
          "note": "few images"
        },
        "calibration_error": {
          "value": 0.001,
          "n": 0,
          "parts": {}
        },
        "mce": {
          "value": 0.3333333333333333,
          "n": 0,
          "parts": {}
        }
      },
      "labels": {
        "family": "efficientnet"
      }
    }
  ],
  "notes": [
    "lite0: accuracy: few images",
    "no model has every dimension in full, so none is ranked: use --allow-partial to rank by the dimensions that all have"
  ]
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestJSONOfAScoredModel(t *testing.T) {
	c := ranking.Published()
	d := rank(t, c, ranking.Options{}).Document()
	best := d.Models[0]
	if best.Rank == nil || *best.Rank != 1 || best.QUBA == nil || best.Partial || best.Missing == nil || len(best.Dimensions) != 9 {
		t.Errorf("got %+v", best)
	}
	if z := best.Dimensions["accuracy"].Z; z == nil || *z <= 0 {
		t.Errorf("z is %v", z)
	}
}

func TestMissingWords(t *testing.T) {
	part := ranking.Value{Value: 0.5, Partial: true}
	for want, values := range map[string]map[string]ranking.Value{
		"5 missing, 4 incomplete": {"accuracy": part, "calibration_error": part, "class_balance": part, "shape_bias": part},
		"9 missing":               {},
	} {
		_, rows := rank(t, ranking.Cohort{Models: []ranking.Model{{Name: "a", Values: values}}}, ranking.Options{}).Rows()
		if got := rows[0][len(rows[0])-1]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	m := without(ranking.Published().Models[0], "shape_bias")
	m.Values["shape_bias"] = part
	_, rows := rank(t, ranking.Cohort{Models: []ranking.Model{m}}, ranking.Options{}).Rows()
	if got := rows[0][len(rows[0])-1]; got != "shape_bias (incomplete)" {
		t.Errorf("got %q", got)
	}
}

// TestBlackBox: what attacks without gradients stood in for is marked in the row.
func TestBlackBox(t *testing.T) {
	m := without(ranking.Published().Models[0], "adversarial_robustness")
	m.Values["adversarial_robustness"] = ranking.Value{Value: 0.9, Note: "at eps 2/255; black-box Square in the place of pgd: the network has no gradient"}
	r := rank(t, ranking.Cohort{Models: []ranking.Model{m, ranking.Published().Models[1]}}, ranking.Options{})
	for _, table := range []func() ([]string, [][]string){r.Rows, r.ExactRows} {
		_, rows := table()
		for _, row := range rows {
			want := ""
			if row[1] == m.Name {
				want = "adversarial_robustness (black-box)"
			}
			if got := row[len(row)-1]; got != want {
				t.Errorf("%s: got %q, want %q", row[1], got, want)
			}
		}
	}
	for _, d := range r.Document().Models {
		if marked := len(d.BlackBox) == 1; marked != (d.Model == m.Name) {
			t.Errorf("%s: black_box is %v", d.Model, d.BlackBox)
		}
	}
}

func TestRows(t *testing.T) {
	header, rows := rank(t, smallCohort(), ranking.Options{AllowPartial: true}).Rows()
	want := [][]string{
		{"rank", "model", "quba", "accuracy", "calibration_error", "mce", "missing"},
		{
			"1", "lite0", "-7.2643", "0.25", "0.001", "0.3333",
			"7 missing",
		},
	}
	if diff := cmp.Diff(want, append([][]string{header}, rows...)); diff != "" {
		t.Error(diff)
	}
	_, exact := rank(t, smallCohort(), ranking.Options{AllowPartial: true}).ExactRows()
	if exact[0][5] != "0.3333333333333333" {
		t.Errorf("exact row is %q", exact[0])
	}
}
