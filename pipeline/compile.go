package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"quba/pipeline/config"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// Plan is a config with its components made and checked. Nothing is open yet.
type Plan struct {
	config config.Config
	models []planModel
	passes []pass
	sinks  []planSink
	left   []LeftOut
}

// LeftOut is a pipeline whose data set is not on this machine, or a score that
// cannot be made without it.
type LeftOut struct {
	Pipeline string `json:"pipeline,omitempty"`
	Score    string `json:"score,omitempty"`
	Reason   string `json:"reason"`
}

type planModel struct {
	name  string
	path  string // place in the config
	model Model
}

// pass is one reading of a data set: the pipelines that share it get each
// image decoded once.
type pass struct {
	source    Source
	path      string
	seed      uint64 // of the config
	sample    int    // how many images the seed draws; 0 for all
	limit     int    // how many of those are used; 0 for all
	pipelines []planPipeline
}

type planPipeline struct {
	name   string
	order  int // position in the config
	stages []planStage
	models []int // indexes into Plan.models
}

// split separates the stages that change an image once for all models from the
// attacks at the end, which are bound to one.
func (pl planPipeline) split() (plain, attacks []planStage) {
	first := slices.IndexFunc(pl.stages, planStage.isAttack)
	if first < 0 {
		return pl.stages, nil
	}
	return pl.stages[:first], pl.stages[first:]
}

func (st planStage) isAttack() bool {
	_, ok := st.stage.(Attack)
	return ok
}

// attacked says whether a pipeline of the pass ends in an attack.
func (p *pass) attacked() bool {
	return slices.ContainsFunc(p.pipelines, func(pl planPipeline) bool {
		_, attacks := pl.split()
		return len(attacks) > 0
	})
}

type planStage struct {
	name  string // "pipelines[0].stages[1] (fog)"
	stage Stage
}

type planSink struct {
	name string
	path string // place in the config
	sink Sink
}

// Compile makes the components that a config names. Its error is a
// config.Issues with everything that is wrong; nothing is opened.
func Compile(c config.Config, reg Registries) (*Plan, error) {
	b := compiler{config: c, reg: reg, plan: &Plan{config: c}}
	b.compileModels()
	b.compilePipelines()
	b.compileSinks()
	if len(b.issues) == 0 && len(b.plan.passes) == 0 && len(b.plan.left) > 0 {
		b.report("pipelines", fmt.Errorf("no data set is there: %s: %s", b.plan.left[0].Pipeline, b.plan.left[0].Reason))
	}
	if len(b.issues) > 0 {
		return nil, c.Place("", b.issues)
	}
	return b.plan, nil
}

type compiler struct {
	config config.Config
	reg    Registries
	plan   *Plan
	stages []record.PipelineStages // of the pipelines whose stages could be made
	issues config.Issues
}

func (b *compiler) report(path string, err error) {
	if err != nil {
		b.issues = append(b.issues, b.config.Place(path, err)...)
	}
}

// build makes one component; it reports what is wrong and returns false. A
// missing type was reported when the config was read.
func build[T any](b *compiler, r *registry.Registry[T], c config.Component) (made T, ok bool) {
	if c.Type == "" {
		return made, false
	}
	entry, err := r.Lookup(c.Type)
	if err != nil {
		b.report(c.Path, &registry.FieldError{Field: "type", Err: err})
		return made, false
	}
	made, err = entry.New(c.Options.Decode)
	b.report(c.Path, err)
	return made, err == nil
}

func (b *compiler) compileModels() {
	for _, m := range b.config.Models {
		if model, ok := build(b, b.reg.Models, m.Component); ok {
			b.plan.models = append(b.plan.models, planModel{name: m.Name, path: m.Path, model: model})
		}
	}
}

func (b *compiler) compilePipelines() {
	bySource := map[string]int{}
	for order, p := range b.config.Pipelines {
		compiled := planPipeline{name: p.Name, order: order, models: b.modelsOf(p), stages: b.compileStages(p)}
		if len(compiled.stages) == len(p.Stages) {
			b.stages = append(b.stages, compiled.summary(p))
		}
		known := len(b.issues)
		source, ok := build(b, b.reg.Sources, p.Source)
		if !ok {
			b.leaveOut(p, known)
			continue
		}
		key := sourceKey(p)
		at, shared := bySource[key]
		if !shared {
			at = len(b.plan.passes)
			bySource[key] = at
			b.plan.passes = append(b.plan.passes, pass{source: source, path: p.Source.Path, seed: b.config.Seed, sample: p.Sample, limit: p.Limit})
		}
		b.plan.passes[at].pipelines = append(b.plan.passes[at].pipelines, compiled)
	}
}

// leaveOut takes back the issues of an optional pipeline's source, those from
// known on, where they only say that the data set is not there.
func (b *compiler) leaveOut(p config.Pipeline, known int) {
	faults := b.issues[known:]
	if !p.Optional || len(faults) == 0 || !faults.Absent() {
		return
	}
	reasons := make([]string, len(faults))
	for i, fault := range faults {
		reasons[i] = fault.Message
	}
	b.plan.left = append(b.plan.left, LeftOut{Pipeline: p.Name, Reason: strings.Join(reasons, "; ")})
	b.issues = b.issues[:known]
}

// sourceKey is equal for pipelines that read the same samples.
func sourceKey(p config.Pipeline) string {
	key, err := json.Marshal([]any{p.Source.Type, p.Source.Options.Value, p.Sample, p.Limit})
	if err != nil {
		return p.Path
	}
	return string(key)
}

func (b *compiler) compileStages(p config.Pipeline) []planStage {
	var stages []planStage
	for _, c := range p.Stages {
		stage, ok := build(b, b.reg.Stages, c)
		if !ok {
			continue
		}
		b.bind(c.Path, stage)
		if checker, ok := stage.(ProtocolChecker); ok {
			b.report(c.Path, checker.CheckProtocol(b.config.Protocol))
		}
		b.checkAfterAttack(c, stages, stage)
		stages = append(stages, planStage{name: fmt.Sprintf("%s (%s)", c.Path, c.Type), stage: stage})
	}
	return stages
}

// checkAfterAttack reports a stage that is no attack but comes after one.
func (b *compiler) checkAfterAttack(c config.Component, before []planStage, stage Stage) {
	if _, attack := stage.(Attack); attack || len(before) == 0 {
		return
	}
	last := before[len(before)-1]
	if _, attack := last.stage.(Attack); attack {
		b.report(c.Path, fmt.Errorf("%s must stand before %s: an attack acts on what the model is given, so only attacks may follow it", c.Type, last.name))
	}
}

// summary is what sinks are told of the stages.
func (pl planPipeline) summary(c config.Pipeline) record.PipelineStages {
	s := record.PipelineStages{Pipeline: pl.name}
	before := pl.stages
	if _, attacks := pl.split(); len(attacks) > 0 {
		last := len(pl.stages) - 1
		before, s.Attack = pl.stages[:last], c.Stages[last].Type
		if graded, ok := pl.stages[last].stage.(Graded); ok {
			s.Severities = graded.Severities()
		}
	}
	for i := range before {
		s.Before = append(s.Before, c.Stages[i].Type)
	}
	s.Versions = planPipeline{stages: before}.variants()
	return s
}

// modelsOf returns the models that see a pipeline. Names that do not exist
// were reported when the config was read.
func (b *compiler) modelsOf(p config.Pipeline) []int {
	var indexes []int
	for i, m := range b.plan.models {
		if len(p.Models) == 0 || slices.Contains(p.Models, m.name) {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

func (b *compiler) compileSinks() {
	claims := map[string]string{}
	for _, c := range b.config.Sinks {
		sink, ok := build(b, b.reg.Sinks, c)
		if !ok {
			continue
		}
		b.bind(c.Path, sink)
		if checker, ok := sink.(StageChecker); ok {
			b.report(c.Path, checker.CheckStages(b.stages))
		}
		b.claim(claims, c.Path, sink)
		if b.uselessWithout(sink) {
			continue
		}
		b.plan.sinks = append(b.plan.sinks, planSink{name: fmt.Sprintf("%s (%s)", c.Path, c.Type), path: c.Path, sink: sink})
	}
}

// uselessWithout says whether a sink can do nothing without the pipelines that
// are left out.
func (b *compiler) uselessWithout(sink Sink) bool {
	needer, ok := sink.(PipelineNeeder)
	if !ok {
		return false
	}
	for _, left := range b.plan.left {
		if left.Pipeline != "" && needer.NeedsPipeline(left.Pipeline) {
			b.plan.left = append(b.plan.left, LeftOut{Score: needer.Claim(), Reason: "needs pipeline " + left.Pipeline})
			return true
		}
	}
	return false
}

// claim reports a sink that writes what another one writes already.
func (b *compiler) claim(claims map[string]string, path string, sink Sink) {
	exclusive, ok := sink.(Exclusive)
	if !ok {
		return
	}
	what := exclusive.Claim()
	if first, taken := claims[what]; taken {
		b.report(path, fmt.Errorf("writes %s, as %s does; leave one of them out, or give it a name of its own where it has one (as: NAME)", what, first))
		return
	}
	claims[what] = path
}

func (b *compiler) bind(path string, component any) {
	binder, ok := component.(Binder)
	if !ok {
		return
	}
	names := make([]string, len(b.config.Pipelines))
	for i, p := range b.config.Pipelines {
		names[i] = p.Name
	}
	b.report(path, binder.Bind(names))
}
