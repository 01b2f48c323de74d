package ranking

import (
	"encoding/json"
	"fmt"

	"quba/metrics"
)

// Keys of the Parquet metadata under which a result says how it was made.
const (
	keyProtocol = "quba.protocol"
	keyModels   = "quba.models"
	keyMetrics  = "quba.metrics"
)

// facts are what a result says of itself beyond its rows: enough to make the
// scores again from stored predictions.
type facts struct {
	protocol metrics.Protocol
	models   []modelFacts
	uses     []metricUse
}

type modelFacts struct {
	Name             string            `json:"name"`
	SHA256           string            `json:"sha256"`
	Classes          int               `json:"classes"`
	Parameters       int64             `json:"parameters"`
	ParametersOrigin string            `json:"parameters_origin"`
	Labels           map[string]string `json:"labels"`
}

// metricUse says how a dimension was measured.
type metricUse struct {
	Dimension string            `json:"dimension"`
	Metric    string            `json:"metric"`
	Options   map[string]any    `json:"options"`
	On        map[string]string `json:"on"`
}

// parseFacts reads facts from metadata; what is absent stays empty.
func parseFacts(metadata map[string]string) (facts, error) {
	f := facts{protocol: metrics.Protocol(metadata[keyProtocol])}
	if err := parseKey(metadata, keyModels, &f.models); err != nil {
		return facts{}, err
	}
	if err := parseKey(metadata, keyMetrics, &f.uses); err != nil {
		return facts{}, err
	}
	return f, nil
}

func parseKey(metadata map[string]string, key string, into any) error {
	text, ok := metadata[key]
	if !ok {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("metadata %s: %w", key, err)
	}
	return nil
}

func (f facts) model(name string) modelFacts {
	for _, m := range f.models {
		if m.Name == name {
			return m
		}
	}
	return modelFacts{Name: name}
}

// env is what a metric may know of a model.
func (f facts) env(name string) metrics.Env {
	m := f.model(name)
	return metrics.Env{Protocol: f.protocol, Classes: m.Classes, Parameters: m.Parameters, ParametersOrigin: m.ParametersOrigin}
}
