package report

import (
	"slices"

	"quba/metrics"
)

func init() { register("shape_bias", shapeBias) }

// shapeBias puts the shape bias, its parts and that of each category beside
// what people gave on the published images.
func shapeBias(s Subject) (Table, error) {
	human := metrics.HumanShapeBias()
	t := Table{
		Columns: []string{"part", "value", "n", "human"},
		Notes:   []string{"human: mean of five people on the published cue-conflict images (Geirhos et al. 2019)"},
	}
	t.add("shape_bias", s.Value.Value, count(s.Value.N), human.Value)
	for _, p := range s.Value.Parts {
		var reference any
		if at := slices.IndexFunc(human.Parts, func(h metrics.Part) bool { return h.Name == p.Name }); at >= 0 {
			reference = human.Parts[at].Value
		}
		t.add(p.Name, p.Value, count(p.N), reference)
	}
	return t, nil
}
