package metrics_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/metrics"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// A whole metric: a fold over the predictions of one model. In a file of this
// package it would register with Registry, from an init function.
type overconfidence struct {
	sum float64
	n   int64
}

func (m *overconfidence) Observe(_ string, v record.View) error {
	for i := range v.Len() {
		m.sum += float64(v.Confidence(i))
		if v.Correct(i) {
			m.sum--
		}
		m.n++
	}
	return nil
}

func (m *overconfidence) Score() (metrics.Score, error) {
	if m.n == 0 {
		return metrics.Score{}, errors.New("no samples were seen")
	}
	return metrics.Score{Value: m.sum / float64(m.n), N: m.n}, nil
}

func (m *overconfidence) Close() error { return nil }

func Example_customMetric() {
	type options struct{}
	reg := registry.New[metrics.Spec]("metric")
	registry.Register(reg, "overconfidence", "Mean confidence minus accuracy.", options{}, func(options) (metrics.Spec, error) {
		return metrics.Spec{
			Better: metrics.Lower, Extra: true,
			Roles: []metrics.Role{{Name: "clean", Doc: "predictions on the clean images"}},
			New:   func(metrics.Env) metrics.Metric { return &overconfidence{} },
		}, nil
	})

	entry, err := reg.Lookup("overconfidence")
	if err != nil {
		log.Fatal(err)
	}
	spec, err := entry.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	fold := metrics.NewFold(metrics.Binding{Name: "overconfidence", Spec: spec, On: map[string]string{"clean": "photos"}}, nil,
		func(string) metrics.Env { return metrics.Env{Classes: 2} })
	b := record.NewBuilder(memory.DefaultAllocator, false)
	defer b.Release()
	for label, probabilities := range [][]float32{{0.75, 0.25}, {1, 0}} {
		b.Append(record.Row{Model: "m", Pipeline: "photos", Label: int32(label)}, probabilities, record.Probabilities)
	}
	rec := b.NewRecord()
	defer rec.Release()
	view, err := record.NewView(rec)
	if err != nil {
		log.Fatal(err)
	}
	if err := fold.Observe(view); err != nil {
		log.Fatal(err)
	}
	scores, problems := fold.Scores([]string{"m"})
	fmt.Println(scores[0].Model, scores[0].Dimension, scores[0].Value, scores[0].N, len(problems))
	// Output: m overconfidence 0.375 2 0
}
