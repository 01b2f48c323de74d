package metrics

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// Binding ties a metric to the pipelines that feed it.
type Binding struct {
	Name string // the dimension: the registered name of its metric, or another that the config gives
	Spec Spec
	On   map[string]string // role -> pipeline
}

// CheckDecisions reports every role whose pipeline makes another decision than
// the metric is defined for, joined, each as a registry.FieldError.
func (b Binding) CheckDecisions(pipelines []record.PipelineRecord) error {
	roles := rolesOf(b, pipelines)
	var faults []error
	for _, role := range b.Spec.Roles {
		played, bound := roles[role.Name]
		if !bound || role.Decision == "" || played.Decision == role.Decision {
			continue
		}
		got := "it decides among the model's own classes"
		if played.Decision != "" {
			got = "its decision is " + played.Decision
		}
		faults = append(faults, registry.Fieldf("on."+role.Name, "%s needs records of the decision %s as %s; pipeline %s gives others: %s; use a source of that kind, or add the stage {type: decision, among: %s}",
			b.Name, role.Decision, role.Name, played.Name, got, role.Decision))
	}
	return errors.Join(faults...)
}

// CheckStages reports every role whose pipeline has stages that the metric
// cannot use, joined, each as a registry.FieldError. Adversarial images are
// refused where a metric compares the images of several roles; one that has a
// single role may be measured on any images, and its score says so.
func (b Binding) CheckStages(pipelines []record.PipelineStages) error {
	roles := map[string]*record.PipelineStages{}
	for role, name := range b.On {
		roles[role] = nil
		if at := slices.IndexFunc(pipelines, func(p record.PipelineStages) bool { return p.Pipeline == name }); at >= 0 {
			roles[role] = &pipelines[at]
		}
	}
	var faults []error
	for _, role := range b.Spec.Roles {
		p := roles[role.Name]
		if p != nil && p.Attack != "" && !role.Attack && len(b.Spec.Roles) > 1 {
			faults = append(faults, registry.Fieldf("on."+role.Name, "must not be adversarial images: the stages of pipeline %s end in %s; name the pipeline of %s",
				p.Pipeline, p.Attack, role.Doc))
		}
	}
	if b.Spec.CheckStages != nil {
		faults = append(faults, b.Spec.CheckStages(roles))
	}
	return errors.Join(faults...)
}

// rolesOf finds the pipelines that play the roles.
func rolesOf(b Binding, pipelines []record.PipelineRecord) map[string]record.PipelineRecord {
	roles := map[string]record.PipelineRecord{}
	for role, name := range b.On {
		for _, p := range pipelines {
			if p.Name == name {
				roles[role] = p
			}
		}
	}
	return roles
}

// Check reports every fault of a binding, joined, each as a
// registry.FieldError with a key such as "on.clean". It does not know which
// pipelines exist.
func Check(b Binding) error {
	var faults []error
	names := make([]string, 0, len(b.Spec.Roles))
	for _, role := range b.Spec.Roles {
		names = append(names, role.Name)
		if !role.Optional && b.On[role.Name] == "" {
			faults = append(faults, registry.Fieldf("on."+role.Name, "must name the pipeline of %s: %s", b.Name, role.Doc))
		}
	}
	for _, role := range slices.Sorted(maps.Keys(b.On)) {
		if !slices.Contains(names, role) {
			faults = append(faults, &registry.FieldError{Field: "on." + role, Err: registry.Unknown("role of "+b.Name, role, names)})
		}
	}
	return errors.Join(faults...)
}

// ScoreError says why a model has no score in a dimension.
type ScoreError struct {
	Model, Dimension string
	Err              error
}

func (e *ScoreError) Error() string { return e.Dimension + " of " + e.Model + ": " + e.Err.Error() }

func (e *ScoreError) Unwrap() error { return e.Err }

// Fold routes prediction records to one metric instance for each model. It is
// used from one goroutine.
type Fold struct {
	binding Binding
	roles   map[string]record.PipelineRecord
	env     func(model string) Env
	models  map[string]*modelFold
}

// modelFold is the fold of one model. A dropped one has no metric.
type modelFold struct {
	metric  Metric
	notes   map[string][]string // of the model, by pipeline
	seen    map[string]bool     // roles that had records
	dropped bool
}

// NewFold returns a fold for a binding that passed Check. pipelines says what
// is known of those that it is bound to; env is asked once for each model.
func NewFold(b Binding, pipelines []record.PipelineRecord, env func(model string) Env) *Fold {
	return &Fold{binding: b, roles: rolesOf(b, pipelines), env: env, models: map[string]*modelFold{}}
}

// Observe takes a record whose rows are all of one model and one pipeline. It
// ignores pipelines that are not bound and models that were dropped. The view
// is borrowed. Its error is a *ScoreError; the fold of that model is then of
// no more use: Drop it to go on with the others.
func (f *Fold) Observe(v record.View) error {
	if v.Len() == 0 {
		return nil
	}
	pipeline := v.Pipeline(0)
	for _, role := range f.binding.Spec.Roles {
		if bound, ok := f.binding.On[role.Name]; !ok || bound != pipeline {
			continue
		}
		if err := f.observe(role.Name, v); err != nil {
			return &ScoreError{Model: strings.Clone(v.Model(0)), Dimension: f.binding.Name, Err: err}
		}
	}
	return nil
}

func (f *Fold) observe(role string, v record.View) error {
	m := f.model(v.Model(0))
	if m.dropped {
		return nil
	}
	m.seen[role] = true
	return m.metric.Observe(role, v)
}

func (f *Fold) model(name string) *modelFold {
	if m, ok := f.models[name]; ok {
		return m
	}
	name = strings.Clone(name)
	env := f.env(name)
	env.Roles = f.roles
	m := &modelFold{metric: f.binding.Spec.New(env), notes: env.Notes, seen: map[string]bool{}}
	f.models[name] = m
	return m
}

// Drop discards what was folded for a model and ignores it from now on; it
// gets neither a score nor an error.
func (f *Fold) Drop(model string) {
	m, ok := f.models[model]
	if !ok {
		m = &modelFold{}
		f.models[strings.Clone(model)] = m
	}
	m.dropped = true
	if m.metric != nil {
		_ = m.metric.Close()
		m.metric = nil
	}
}

// Scores ends the fold and returns the scores of models in their order, each
// dimension before its parts. A model whose score is not defined has a
// *ScoreError instead. It is called once.
func (f *Fold) Scores(models []string) ([]record.Score, []error) {
	var scores []record.Score
	var failures []error
	for _, name := range models {
		m := f.model(name)
		if m.dropped {
			continue
		}
		rows, err := f.score(name, m)
		if err != nil {
			failures = append(failures, &ScoreError{Model: name, Dimension: f.binding.Name, Err: err})
			continue
		}
		scores = append(scores, rows...)
	}
	return scores, failures
}

func (f *Fold) score(model string, m *modelFold) ([]record.Score, error) {
	var missing []string
	for _, role := range f.binding.Spec.Roles {
		switch {
		case m.seen[role.Name], role.Extra:
		case role.Optional:
			missing = append(missing, role.Name)
		default:
			return nil, fmt.Errorf("no predictions of pipeline %q, which is bound to %q", f.binding.On[role.Name], role.Name)
		}
	}
	s, err := m.metric.Score()
	if err != nil {
		return nil, err
	}
	for _, role := range s.Missing {
		if !slices.Contains(missing, role) {
			missing = append(missing, role)
		}
	}
	s.Missing = missing
	s.Notes = slices.Concat(s.Notes, f.notes(m))
	return rowsOf(model, f.binding.Name, s)
}

// notes are the caveats of the data sets and of the model in their pipelines,
// each once, and the decisions that the metric does not ask for.
func (f *Fold) notes(m *modelFold) []string {
	var notes []string
	for _, role := range f.binding.Spec.Roles {
		if played := f.roles[role.Name]; role.Decision == "" && played.Decision != "" {
			notes = append(notes, fmt.Sprintf("%s: decided among the %d classes of %s, not among the model's own", role.Name, len(played.Classes), played.Decision))
		}
		for _, note := range slices.Concat(f.roles[role.Name].Notes, m.notes[f.binding.On[role.Name]]) {
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// rowsOf turns a score into the long form.
func rowsOf(model, dimension string, s Score) ([]record.Score, error) {
	notes := s.Notes
	if len(s.Missing) > 0 {
		notes = append(slices.Clone(notes), "without "+strings.Join(s.Missing, ", "))
	}
	rows := make([]record.Score, 0, 1+len(s.Parts))
	rows = append(rows, record.Score{
		Model: model, Dimension: dimension, Value: s.Value, N: s.N,
		Partial: len(s.Missing) > 0, Note: strings.Join(notes, "; "),
	})
	for _, p := range s.Parts {
		rows = append(rows, record.Score{Model: model, Dimension: dimension, Part: p.Name, Value: p.Value, N: p.N})
	}
	for _, row := range rows {
		if math.IsNaN(row.Value) || math.IsInf(row.Value, 0) {
			return nil, fmt.Errorf("part %q is %v; a score must be a finite number", row.Part, row.Value)
		}
	}
	return rows, nil
}

// Close frees what the metrics hold. It may be called at any time, also
// without Scores, and more than once.
func (f *Fold) Close() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(f.models)) {
		m := f.models[name]
		if m.metric == nil {
			continue
		}
		if err := m.metric.Close(); err != nil {
			faults = append(faults, &ScoreError{Model: name, Dimension: f.binding.Name, Err: err})
		}
		m.metric = nil
		m.dropped = true
	}
	return errors.Join(faults...)
}
