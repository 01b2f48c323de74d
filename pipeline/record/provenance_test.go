package record

import (
	"encoding/json"
	"testing"
)

// The JSON is stored in results: another key would make them unreadable.
func TestProvenanceJSON(t *testing.T) {
	for want, value := range map[string]any{
		`{"name":"a","sha256":"aa","classes":3,"parameters":1000,"parameters_origin":"graph","labels":{"family":"tiny"}}`: ModelRecord{
			Name: "a", SHA256: "aa", Classes: 3, Parameters: 1000, ParametersOrigin: "graph", Labels: map[string]string{"family": "tiny"},
		},
		`{"name":"","sha256":"","classes":0,"parameters":0,"parameters_origin":""}`: ModelRecord{},
		`{"dimension":"accuracy_noisy","metric":"accuracy","options":{"bins":3},"on":{"clean":"noisy"}}`: MetricSpec{
			Dimension: "accuracy_noisy", Metric: "accuracy", Options: map[string]any{"bins": 3}, On: map[string]string{"clean": "noisy"},
		},
		`{"dimension":"parameters","metric":"parameters"}`: MetricSpec{Dimension: "parameters", Metric: "parameters"},
	} {
		got, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
