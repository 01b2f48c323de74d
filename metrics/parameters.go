package metrics

import (
	"errors"
	"fmt"
	"strconv"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "parameters", "Trainable parameters of the model in millions, rounded to 0.1.", noOptions{}, newParameters)
}

func newParameters(noOptions) (Spec, error) {
	return Spec{
		Better: Lower,
		New:    func(env Env) Metric { return parameters{count: env.Parameters, origin: env.ParametersOrigin} },
	}, nil
}

// parameters is the size of a model; it looks at no predictions.
type parameters struct {
	count  int64
	origin string
}

var _ Metric = parameters{}

func (parameters) Observe(role string, _ record.View) error {
	return fmt.Errorf("unknown role %q; parameters takes no predictions", role)
}

func (p parameters) Score() (Score, error) {
	if p.count <= 0 {
		return Score{}, errors.New("the number of parameters is not known; give it in the config or the side-car file of the model")
	}
	s := Score{
		Value: inMillions(p.count),
		Parts: []Part{{Name: "count", Value: float64(p.count)}},
	}
	if p.origin != "" {
		s.Notes = []string{"number of parameters from " + p.origin}
	}
	return s, nil
}

func (parameters) Close() error { return nil }

// inMillions rounds to one decimal of the exact binary value, as the round of
// the published table does.
func inMillions(count int64) float64 {
	text := strconv.FormatFloat(float64(count)/1e6, 'f', 1, 64)
	rounded, _ := strconv.ParseFloat(text, 64) // FormatFloat wrote it
	return rounded
}
