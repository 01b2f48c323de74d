package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"quba/pipeline/config"
	"quba/pipeline/record"
)

// Overview says what a plan would do.
type Overview struct {
	Pipelines []PipelineOverview `json:"pipelines"`
	Models    []ModelOverview    `json:"models"`
	// Decodes is how many images are read and decoded: once for all models
	// and for all pipelines that share a data set.
	Decodes int64 `json:"decodes"`
	// LeftOut lists optional pipelines whose data sets are not there, and the
	// scores that need them.
	LeftOut []LeftOut `json:"left_out"`
	// Issues are the mistakes of the config that only the data sets show.
	Issues config.Issues `json:"-"`
}

// PipelineOverview is one pipeline of an Overview.
type PipelineOverview struct {
	Name     string `json:"name"`
	Source   string `json:"source"`
	Images   int64  `json:"images"`
	Classes  int    `json:"classes"`
	Decision string `json:"decision,omitempty"` // "" for the models' own classes
	// AtMost says that a stage leaves out the images whose classes its decision
	// does not have: the numbers of passes are then the most that there can be.
	AtMost bool `json:"at_most,omitempty"`
	// Decides is the decision of that name.
	Decides  *record.Decision `json:"-"`
	Digest   string           `json:"digest"`
	Stages   []string         `json:"stages"`
	Variants int              `json:"variants"` // for each image; 0 when only the run tells
	Models   []string         `json:"models"`
	// Scores are the dimensions that are computed from this pipeline's one
	// pass.
	Scores []string `json:"scores"`
	// Attacked says that the stages end in attacks.
	Attacked bool `json:"attacked,omitempty"`
	// ForwardPasses is how many images go through models, those within attacks
	// included; 0 when unknown.
	ForwardPasses int64 `json:"forward_passes"`
	// BackwardPasses are those of attacks, at most.
	BackwardPasses int64 `json:"backward_passes"`
	// SubstitutePasses would be the forward passes if no model had a gradient and
	// other attacks took the place of those that need one; 0 where none would.
	SubstitutePasses int64  `json:"substitute_forward_passes,omitempty"`
	Error            string `json:"error,omitempty"`
}

// ModelOverview is one model of an Overview.
type ModelOverview struct {
	Name string `json:"name"`
	// Preprocessing is what is done to images; models with the same share it.
	Preprocessing string `json:"preprocessing"`
	Facts         []Fact `json:"facts"`
	ForwardPasses int64  `json:"forward_passes"`
	// BackwardPasses are those of attacks, at most.
	BackwardPasses int64 `json:"backward_passes"`
	// UnsharedPasses would be the forward passes if each score made its own.
	UnsharedPasses int64  `json:"unshared_forward_passes"`
	Error          string `json:"error,omitempty"`
}

// Multiplier is a stage that knows how many samples it makes of one.
type Multiplier interface{ Variants() int }

// Describe opens the data sets and reads what is written about the models; it
// runs nothing. Faults of data sets and models stand in the overview.
func (p *Plan) Describe(ctx context.Context) Overview {
	o := Overview{LeftOut: list(p.left)}
	infos, errs := p.describeSources(ctx)
	for _, m := range p.models {
		o.Models = append(o.Models, describeModel(ctx, m))
	}
	for _, pass := range p.passes {
		if first := pass.pipelines[0].order; errs[first] == nil {
			o.Decodes += infos[first].Samples
		}
	}
	for _, pl := range p.pipelines() {
		o.Pipelines = append(o.Pipelines, p.describePipeline(pl, infos[pl.order], errs[pl.order], o.Models))
	}
	if errors.Join(errs...) == nil {
		o.Issues = p.checkPipelines(infos)
	}
	return o
}

// forwardPasses is how many images will go through models, 0 when unknown.
func (p *Plan) forwardPasses(infos []SourceInfo) int64 {
	total := int64(0)
	for _, pl := range p.pipelines() {
		passes := infos[pl.order].Samples * int64(pl.variants()*len(pl.models))
		if passes == 0 {
			return 0
		}
		total += passes
	}
	return total
}

// attacks are those of each pipeline, by config order.
func (p *Plan) attacks() [][]planStage {
	all := make([][]planStage, len(p.config.Pipelines))
	for _, pl := range p.pipelines() {
		_, all[pl.order] = pl.split()
	}
	return all
}

// pipelines are those of the plan in config order.
func (p *Plan) pipelines() []planPipeline {
	var all []planPipeline
	for _, pass := range p.passes {
		all = append(all, pass.pipelines...)
	}
	slices.SortFunc(all, func(a, b planPipeline) int { return a.order - b.order })
	return all
}

func describeModel(ctx context.Context, m planModel) ModelOverview {
	info, err := m.model.Describe(ctx)
	if err != nil {
		return ModelOverview{Name: m.name, Facts: info.Facts, Error: err.Error()}
	}
	return ModelOverview{Name: m.name, Facts: info.Facts, Preprocessing: info.Transform.String()}
}

func (p *Plan) describePipeline(pl planPipeline, info SourceInfo, err error, models []ModelOverview) PipelineOverview {
	c := p.config.Pipelines[pl.order]
	o := PipelineOverview{
		Name: pl.name, Source: c.Source.Type, Images: info.Samples, Classes: info.Classes, Digest: info.Digest,
		Stages: []string{}, Models: []string{}, Variants: pl.variants(),
		Scores: p.scoresFrom(pl.name), Attacked: slices.ContainsFunc(pl.stages, planStage.isAttack),
	}
	if err != nil {
		o.Error = err.Error()
	}
	if d := pl.decision(info); d != nil {
		o.Decision, o.Decides, o.Classes = d.Name, d, len(d.Classes)
		o.AtMost = info.Decision == nil
	}
	for _, st := range c.Stages {
		o.Stages = append(o.Stages, st.Type)
	}
	forward, backward := pl.passes(planStage.passes)
	instead, _ := pl.passes(planStage.substitutePasses)
	for _, m := range pl.models {
		o.Models = append(o.Models, p.models[m].name)
		if o.Error != "" || models[m].Error != "" {
			continue
		}
		passes := info.Samples * forward
		o.ForwardPasses += passes
		o.BackwardPasses += info.Samples * backward
		if instead != forward {
			o.SubstitutePasses += info.Samples * instead
		}
		models[m].ForwardPasses += passes
		models[m].BackwardPasses += info.Samples * backward
		models[m].UnsharedPasses += passes * int64(max(1, len(o.Scores)))
	}
	return o
}

func (st planStage) passes() (forward, backward int) { return st.stage.(Attack).Passes() }

// substitutePasses are those of an attack on a network without a gradient.
func (st planStage) substitutePasses() (forward, backward int) {
	if s, ok := st.stage.(Substitute); ok && s.SubstitutePasses() > 0 {
		return s.SubstitutePasses(), 0
	}
	return st.passes()
}

// passes is how many forward and backward passes of a network each image of
// the source takes at most, given those of its attacks; both are 0 when only the
// run tells.
func (pl planPipeline) passes(of func(planStage) (forward, backward int)) (forward, backward int64) {
	_, attacks := pl.split()
	samples := int64(planPipeline{stages: pl.stages[:len(pl.stages)-len(attacks)]}.variants())
	for _, st := range attacks {
		f, b := of(st)
		forward, backward = forward+samples*int64(f), backward+samples*int64(b)
		samples *= int64(planPipeline{stages: []planStage{st}}.variants())
	}
	if samples == 0 {
		return 0, 0
	}
	return forward + samples, backward
}

// runPipelines are the pipelines with their data sets, in config order.
func (p *Plan) runPipelines(infos []SourceInfo) []RunPipeline {
	var all []RunPipeline
	for _, pl := range p.pipelines() {
		info := infos[pl.order]
		all = append(all, RunPipeline{
			Name: pl.name, SourceType: p.config.Pipelines[pl.order].Source.Type, Source: info, Decision: pl.decision(info), Notes: pl.notes(info),
		})
	}
	return all
}

// checkPipelines asks the sinks whether the pipelines are what they need, and
// whether what is attacked can be.
func (p *Plan) checkPipelines(infos []SourceInfo) config.Issues {
	var records []record.PipelineRecord
	for _, pl := range p.runPipelines(infos) {
		records = append(records, pl.Record())
	}
	var issues config.Issues
	for _, s := range p.sinks {
		if checker, ok := s.sink.(PipelineChecker); ok {
			issues = append(issues, p.config.Place(s.path, checker.CheckPipelines(records))...)
		}
	}
	for _, pl := range p.pipelines() {
		if _, attacks := pl.split(); len(attacks) > 0 {
			issues = append(issues, p.checkAttacked(pl, infos[pl.order])...)
		}
	}
	return p.config.Place("", issues)
}

// checkAttacked reports images whose true class, among those of the models, is
// not known: attacks move away from it.
func (p *Plan) checkAttacked(pl planPipeline, info SourceInfo) config.Issues {
	c := p.config.Pipelines[pl.order]
	first := c.Stages[slices.IndexFunc(pl.stages, planStage.isAttack)]
	switch d := pl.decision(info); {
	case d != nil:
		return p.config.Place(first.Path, fmt.Errorf("%s needs labels among the models' own classes; those of pipeline %s are of the decision %s: take a data set with the models' labels, and no stage that decides",
			first.Type, pl.name, d.Name))
	case info.Classes == 0 && info.Samples > 0:
		return p.config.Place(first.Path, fmt.Errorf("%s needs labels, and the data set of pipeline %s has none: give its source labels", first.Type, pl.name))
	}
	return nil
}

// scoresFrom lists the dimensions that read a pipeline.
func (p *Plan) scoresFrom(pipeline string) []string {
	dimensions := []string{}
	for _, s := range p.sinks {
		d, ok := s.sink.(Describer)
		if !ok {
			continue
		}
		spec := d.MetricSpec()
		for _, bound := range spec.On {
			if bound == pipeline && !slices.Contains(dimensions, spec.Dimension) {
				dimensions = append(dimensions, spec.Dimension)
			}
		}
	}
	return dimensions
}

// decision is that of the samples which reach the models.
func (pl planPipeline) decision(info SourceInfo) *record.Decision {
	decision := info.Decision
	for _, st := range pl.stages {
		if decider, ok := st.stage.(Decider); ok {
			decision = decider.Decision()
		}
	}
	return decision
}

// notes are the caveats of the data set and of the stages, each once.
func (pl planPipeline) notes(info SourceInfo) []string {
	notes := slices.Clone(info.Notes)
	for _, st := range pl.stages {
		noter, ok := st.stage.(Noter)
		if !ok {
			continue
		}
		for _, note := range noter.Notes() {
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// variants is how many samples the pipeline makes of one, 0 when unknown.
func (pl planPipeline) variants() int {
	n := 1
	for _, st := range pl.stages {
		multiplier, ok := st.stage.(Multiplier)
		if !ok {
			return 0
		}
		n *= multiplier.Variants()
	}
	return n
}

// describeSources lists every data set once, several at the same time. Both
// results are by pipeline, in config order.
func (p *Plan) describeSources(ctx context.Context) ([]SourceInfo, []error) {
	infos := make([]SourceInfo, len(p.config.Pipelines))
	errs := make([]error, len(infos))
	var wg sync.WaitGroup
	for i := range p.passes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			pass := &p.passes[i]
			info, err := pass.describe(ctx)
			for _, pl := range pass.pipelines {
				infos[pl.order], errs[pl.order] = info, err
			}
		}()
	}
	wg.Wait()
	return infos, errs
}

func (p *pass) describe(ctx context.Context) (info SourceInfo, err error) {
	err = safely(p.path, func() (err error) {
		info, err = p.source.Describe(ctx)
		return err
	})
	if err != nil {
		return info, fmt.Errorf("%s: %w", p.path, err)
	}
	if most := p.most(); most > 0 {
		info.Samples = min(info.Samples, int64(most))
	}
	return info, nil
}

// names are those of the pipelines of the pass.
func (p *pass) names() []string {
	names := make([]string, len(p.pipelines))
	for i, pl := range p.pipelines {
		names[i] = pl.name
	}
	return names
}

// most is the largest number of samples of the pass, 0 for all of the source.
func (p *pass) most() int {
	if p.sample == 0 || p.limit == 0 {
		return max(p.sample, p.limit)
	}
	return min(p.sample, p.limit)
}

// samples are those of the source that are drawn, up to the limit.
func (p *pass) samples(ctx context.Context) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		n := 0
		for s, err := range p.drawn(ctx) {
			if err != nil {
				yield(s, fmt.Errorf("%w: %w", errSource, err))
				return
			}
			if !yield(s, nil) {
				return
			}
			if n++; n == p.most() {
				return
			}
		}
	}
}
