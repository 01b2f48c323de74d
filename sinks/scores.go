package sinks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/metrics"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sinks, "scores", "One metric for each model, from the predictions of the pipelines it is bound to.",
		scoresConfig{}, newScores)
}

type scoresConfig struct {
	Metric  string            `koanf:"metric" jsonschema:"required" jsonschema_description:"Name of the metric; the command list metrics shows them."`
	As      string            `koanf:"as" jsonschema:"pattern=^[a-z][a-z0-9_]*$" jsonschema_description:"Name under which the score is stored; left out, the metric's name. It lets one metric be measured on several pipelines."`
	On      map[string]string `koanf:"on" jsonschema_description:"Which pipeline plays each role of the metric."`
	Options registry.Raw      `koanf:"options" jsonschema_description:"Options of the metric."`
}

// scores hosts a metric.
type scores struct {
	binding  metrics.Binding // its name is that of the score
	metric   string
	options  any
	fold     *metrics.Fold
	run      *pipeline.Run
	scores   []record.Score
	problems []string
	err      error
}

var (
	_ pipeline.Sink           = (*scores)(nil)
	_ pipeline.Binder         = (*scores)(nil)
	_ pipeline.Needer         = (*scores)(nil)
	_ pipeline.ModelDropper   = (*scores)(nil)
	_ pipeline.Scorer         = (*scores)(nil)
	_ pipeline.Describer      = (*scores)(nil)
	_ pipeline.Troubled       = (*scores)(nil)
	_ pipeline.PipelineNeeder = (*scores)(nil)

	_ pipeline.PipelineChecker = (*scores)(nil)
	_ pipeline.StageChecker    = (*scores)(nil)
)

func newScores(c scoresConfig) (pipeline.Sink, error) {
	entry, err := metrics.Registry.Lookup(c.Metric)
	if err != nil {
		return nil, &registry.FieldError{Field: "metric", Err: err}
	}
	dimension, err := c.dimension()
	if err != nil {
		return nil, &registry.FieldError{Field: "as", Err: err}
	}
	spec, err := entry.New(c.Options.Decode)
	if err != nil {
		return nil, optionErrors(err)
	}
	s := &scores{
		binding: metrics.Binding{Name: dimension, Spec: spec, On: maps.Clone(c.On)},
		metric:  c.Metric,
		options: c.Options.Value,
	}
	return s, metrics.Check(s.binding)
}

var dimensionName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// dimension is the name under which the score is stored. It must not pass for
// the score of another metric.
func (c scoresConfig) dimension() (string, error) {
	if c.As == "" || c.As == c.Metric {
		return c.Metric, nil
	}
	if !dimensionName.MatchString(c.As) {
		return "", fmt.Errorf("must be a lower-case letter, then lower-case letters, digits and _, got %q", c.As)
	}
	if slices.Contains(metrics.Registry.Names(), c.As) {
		return "", fmt.Errorf("%q is the name of another metric; choose one such as %q", c.As, c.Metric+"_"+c.As)
	}
	return c.As, nil
}

// optionErrors puts "options." before the keys that a metric complains of.
func optionErrors(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range many.Unwrap() {
			all = append(all, optionErrors(one))
		}
		return errors.Join(all...)
	}
	var field *registry.FieldError
	if errors.As(err, &field) {
		return &registry.FieldError{Field: "options." + field.Field, Err: field.Err}
	}
	return err
}

// Bind checks that the pipelines exist.
func (s *scores) Bind(pipelines []string) error {
	var faults []error
	for _, role := range slices.Sorted(maps.Keys(s.binding.On)) {
		if name := s.binding.On[role]; !slices.Contains(pipelines, name) {
			faults = append(faults, &registry.FieldError{Field: "on." + role, Err: registry.Unknown("pipeline", name, pipelines)})
		}
	}
	return errors.Join(faults...)
}

func (s *scores) Needs(name string) []string {
	for _, bound := range s.binding.On {
		if bound == name {
			return s.binding.Spec.Columns
		}
	}
	return nil
}

// NeedsPipeline says whether a role that is not optional is played by it.
func (s *scores) NeedsPipeline(name string) bool {
	for _, role := range s.binding.Spec.Roles {
		if !role.Optional && s.binding.On[role.Name] == name {
			return true
		}
	}
	return false
}

// Claim says that two sinks cannot make the same score.
func (s *scores) Claim() string { return s.binding.Name }

func (s *scores) MetricSpec() record.MetricSpec {
	return record.MetricSpec{Dimension: s.binding.Name, Metric: s.metric, Options: s.options, On: s.binding.On}
}

func (s *scores) Open(_ context.Context, run *pipeline.Run) error {
	s.run = run
	pipelines := make([]record.PipelineRecord, len(run.Pipelines))
	for i, p := range run.Pipelines {
		pipelines[i] = p.Record()
	}
	s.fold = metrics.NewFold(s.binding, pipelines, s.env)
	return s.CheckPipelines(pipelines)
}

// CheckPipelines says which roles are played by pipelines of other classes.
func (s *scores) CheckPipelines(pipelines []record.PipelineRecord) error {
	return s.binding.CheckDecisions(pipelines)
}

// CheckStages says which roles are played by pipelines whose stages the metric
// cannot use.
func (s *scores) CheckStages(pipelines []record.PipelineStages) error {
	return s.binding.CheckStages(pipelines)
}

// env is what the metric may know of a model.
func (s *scores) env(model string) metrics.Env {
	e := metrics.Env{Protocol: metrics.Protocol(s.run.Protocol)}
	for _, m := range s.run.Models {
		if m.Name != model {
			continue
		}
		e.Classes = m.Info.Classes
		e.Parameters, e.ParametersOrigin = m.Info.Parameters, m.Info.ParametersOrigin
		e.Notes = m.Notes
	}
	return e
}

// Write folds the record. An error of the metric is this model's alone: it
// becomes a problem, and the other models go on.
func (s *scores) Write(_ context.Context, rec arrow.Record) error {
	if s.err != nil {
		return s.err
	}
	view, err := record.NewView(rec)
	if err != nil {
		s.err = err
		return err
	}
	err = s.fold.Observe(view)
	var fault *metrics.ScoreError
	if errors.As(err, &fault) {
		s.problems = append(s.problems, fault.Error())
		s.fold.Drop(fault.Model)
		return nil
	}
	s.err = err
	return err
}

// Drop leaves a model out of the scores.
func (s *scores) Drop(model string) { s.fold.Drop(model) }

// Close computes the scores.
func (s *scores) Close(context.Context) error {
	defer s.Abort()
	if s.err != nil {
		return s.err
	}
	names := make([]string, len(s.run.Models))
	for i, m := range s.run.Models {
		names[i] = m.Name
	}
	var faults []error
	s.scores, faults = s.fold.Scores(names)
	for _, fault := range faults {
		s.problems = append(s.problems, fault.Error())
	}
	s.err = fmt.Errorf("scores of %s: the sink is closed", s.binding.Name)
	return nil
}

// Abort frees what the metric holds.
func (s *scores) Abort() { _ = s.fold.Close() }

func (s *scores) Scores() []record.Score { return s.scores }

// Problems says which scores are not defined, and why.
func (s *scores) Problems() []string { return s.problems }
