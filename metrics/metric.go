// Package metrics computes the quality dimensions of arXiv 2503.17110, and
// some extras, as folds over prediction records.
package metrics

import (
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// Registry holds the metrics. A metric's config struct is its options.
var Registry = registry.New[Spec]("metric")

// Spec says what a metric needs and makes it.
type Spec struct {
	// Better says which way is better.
	Better Direction
	// Extra marks a metric that is no dimension of QUBA.
	Extra bool
	// Roles are the inputs; each is bound to a pipeline in the config.
	Roles []Role
	// Columns lists what must be stored beyond the columns that are always
	// there: record.ColProbs or nothing.
	Columns []string
	// CheckStages says what is wrong with the stages of the pipelines that play
	// roles, joined, each as a registry.FieldError with a key such as "on.pgd". A
	// role that is played by a pipeline of which nothing is known is there with
	// nil. It may be left out.
	CheckStages func(roles map[string]*record.PipelineStages) error
	// New makes the metric for one model.
	New func(Env) Metric
}

// Direction says which values of a metric are better.
type Direction uint8

const (
	Higher Direction = iota
	Lower
)

// Role is an input of a metric.
type Role struct {
	Name     string
	Doc      string
	Optional bool // a missing one makes the score partial
	// Extra marks an optional role that only adds parts: the score is whole
	// without it.
	Extra bool
	// Attack says that the role is for adversarial images.
	Attack bool
	// Decision names the one that the pipeline must have: it says of what its
	// labels are indexes. "" leaves it free.
	Decision string
}

// Env is what a metric may know beyond the records.
type Env struct {
	Protocol Protocol
	// Classes is the number of classes of the model's output.
	Classes int
	// Parameters is the number of trainable parameters, 0 when unknown, and
	// ParametersOrigin where the number came from.
	Parameters       int64
	ParametersOrigin string
	// Notes are caveats of the model in a pipeline, by its name.
	Notes map[string][]string
	// Roles are the pipelines that play the roles; the fold fills it in.
	Roles map[string]record.PipelineRecord
}

// ClassesOf is the number of classes of a role's records: those of its
// decision, or the model's own.
func (e Env) ClassesOf(role string) int {
	if classes := e.Roles[role].Classes; len(classes) > 0 {
		return len(classes)
	}
	return e.Classes
}

// Protocol chooses between what the paper intends and what the authors'
// released code computes, where the two differ.
type Protocol string

const (
	Standard Protocol = "standard"
	QubaCode Protocol = "quba-code"
)

// Metric is a fold over the predictions of one model. It is used from one
// goroutine.
type Metric interface {
	// Observe takes the next records of a role, in the order of the source.
	// The view is borrowed. After an error only Close may be called.
	Observe(role string, v record.View) error
	// Score ends the fold. It reports an error where the score is not
	// defined, never NaN.
	Score() (Score, error)
	// Close frees what the metric holds. It may be called more than once, also
	// after an error or without Score.
	Close() error
}

// Score is the value of a dimension with its parts.
type Score struct {
	Value float64
	N     int64 // samples it was made from
	Parts []Part
	// Missing lists the optional roles that were not there: the dimension is
	// then partial.
	Missing []string
	// Notes are caveats that must be shown with the number.
	Notes []string
}

// Part is a component of a score; N is 0 where no count applies.
type Part struct {
	Name  string
	Value float64
	N     int64
}
