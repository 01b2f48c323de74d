package ranking

import (
	"encoding/json"
	"fmt"
	"slices"

	"quba/metrics"
	"quba/pipeline/record"
)

// facts are what a result says of itself beyond its rows: enough to make the
// scores again from stored predictions.
type facts struct {
	protocol  metrics.Protocol
	models    []record.ModelRecord
	pipelines []record.PipelineRecord
	uses      []record.MetricSpec
}

// parseFacts reads facts from metadata; what is absent stays empty.
func parseFacts(metadata map[string]string) (facts, error) {
	f := facts{protocol: metrics.Protocol(metadata[record.MetaProtocol])}
	if err := parseKey(metadata, record.MetaModels, &f.models); err != nil {
		return facts{}, err
	}
	if err := parseKey(metadata, record.MetaPipelines, &f.pipelines); err != nil {
		return facts{}, err
	}
	if err := parseKey(metadata, record.MetaMetrics, &f.uses); err != nil {
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

func (f facts) model(name string) record.ModelRecord {
	for _, m := range f.models {
		if m.Name == name {
			return m
		}
	}
	return record.ModelRecord{Name: name}
}

// env is what a metric may know of a model.
func (f facts) env(name string) metrics.Env {
	m := f.model(name)
	return metrics.Env{Protocol: f.protocol, Classes: m.Classes, Parameters: m.Parameters, ParametersOrigin: m.ParametersOrigin, Notes: m.Notes}
}

// origin is what is known of a model's value that stands in source.
func (f facts) origin(model, dimension, source string) Origin {
	o := Origin{Classes: f.model(model).Classes, Source: source}
	at := slices.IndexFunc(f.uses, func(u record.MetricSpec) bool { return u.Dimension == dimension })
	if at < 0 {
		return o
	}
	o.Metric, o.On = f.uses[at].Metric, map[string]record.PipelineRecord{}
	for role, pipeline := range f.uses[at].On {
		o.On[role] = f.pipeline(pipeline)
	}
	return o
}

func (f facts) pipeline(name string) record.PipelineRecord {
	for _, p := range f.pipelines {
		if p.Name == name {
			return p
		}
	}
	return record.PipelineRecord{Name: name}
}
