package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// openModel is a model that is ready for use, or was given up.
type openModel struct {
	planModel
	info   ModelInfo
	opened bool
	notes  map[string][]string // caveats by pipeline
	fault  *atomic.Pointer[error]
}

func (m *openModel) failed() bool { return m.fault.Load() != nil }

// giveUp marks the model as failed; the first reason stays.
func (m *openModel) giveUp(err error) { m.fault.CompareAndSwap(nil, &err) }

// opening is the loading of the models, which goes on while the first images
// are prepared. done is closed when models and sinks are ready, or err says
// why not.
type opening struct {
	done chan struct{}
	err  error
}

// describe lists the data sets and reads what is written about the models.
func (r *runner) describe(ctx context.Context) error {
	r.models = make([]openModel, len(r.plan.models))
	r.background.Go(r.warm)
	described := make(chan struct{})
	go func() {
		defer close(described)
		r.eachModel(func(m *openModel) error { return m.describe(ctx) })
	}()
	err := r.describeSources(ctx)
	<-described
	if err != nil && ctx.Err() == nil {
		return err
	}
	return r.needModel(ctx)
}

// warm lets the first model that can do so load what all models share.
func (r *runner) warm() {
	for _, m := range r.plan.models {
		if warmer, ok := m.model.(Warmer); ok {
			// Open meets the error again.
			_ = safely(m.name, func() error { return warmer.Warm(r.plan.config.Library) })
			return
		}
	}
}

// open loads the models and opens the sinks. A model that fails is marked and
// left out.
func (r *runner) open(ctx context.Context) error {
	r.eachModel(func(m *openModel) error {
		if err := m.open(ctx, &r.info); err != nil {
			return err
		}
		return r.prepareAttacks(ctx, m)
	})
	r.checkDecisions()
	if err := r.needModel(ctx); err != nil {
		return err
	}
	r.narrateFailed()
	for _, m := range r.models {
		if !m.failed() {
			r.info.Models = append(r.info.Models, RunModel{Name: m.name, Info: m.info, Notes: m.notes})
		}
	}
	r.info.Metadata = r.metadata()
	return r.openSinks(ctx)
}

// needModel is an error when every model has failed, or when one failed for a
// reason that is not its own.
func (r *runner) needModel(ctx context.Context) error {
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	left := false
	for _, m := range r.models {
		fault := m.fault.Load()
		left = left || fault == nil
		if fault != nil && errors.Is(*fault, ErrRuntime) {
			return &DataError{*fault}
		}
		if fault != nil && MachineFault(*fault) {
			return fmt.Errorf("%s: %w", m.name, *fault)
		}
	}
	if left {
		return nil
	}
	r.narrateFailed()
	r.reportFailed()
	return &DataError{ErrNoModel}
}

func (r *runner) narrateLeftOut() {
	for _, left := range r.plan.left {
		if left.Score != "" {
			r.opt.Log.Warn("score is left out", "score", left.Score, "reason", left.Reason)
			continue
		}
		r.opt.Log.Warn("optional pipeline is left out", "pipeline", left.Pipeline, "reason", left.Reason)
	}
}

func (r *runner) narrateFailed() {
	for _, m := range r.models {
		if m.failed() {
			r.opt.Log.Error("model is left out", "model", m.name, "error", *m.fault.Load())
		}
	}
}

// eachModel calls f for all models, several at once; an error is the model's.
func (r *runner) eachModel(f func(*openModel) error) {
	for i := range r.models {
		if m := &r.models[i]; m.fault == nil {
			*m = openModel{planModel: r.plan.models[i], fault: &atomic.Pointer[error]{}}
		}
	}
	atOnce(r.workers(), len(r.models), func(i int) {
		m := &r.models[i]
		if m.failed() {
			return
		}
		if err := safely(m.name, func() error { return f(m) }); err != nil {
			m.giveUp(err)
		}
	})
}

// atOnce calls f for 0 to n-1, begun in this order, limit of them at once.
func atOnce(limit, n int, f func(i int)) {
	var calls sync.WaitGroup
	slots := make(chan struct{}, limit)
	for i := range n {
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	calls.Wait()
}

func (m *openModel) describe(ctx context.Context) error {
	info, err := m.model.Describe(ctx)
	if err != nil {
		return err
	}
	if info.BatchSize < 1 {
		return fmt.Errorf("batch size must be at least 1, got %d", info.BatchSize)
	}
	m.info = info
	return nil
}

func (m *openModel) open(ctx context.Context, run *Run) error {
	if err := m.model.Open(ctx, run); err != nil {
		return err
	}
	m.opened = true
	return nil
}

// prepareAttacks lets attacks get ready for the model, so that one which they
// cannot attack is known before the first image. It is then closed.
func (r *runner) prepareAttacks(ctx context.Context, m *openModel) error {
	for _, pl := range r.plan.pipelines() {
		if !slices.ContainsFunc(pl.models, func(i int) bool { return r.plan.models[i].name == m.name }) {
			continue
		}
		_, attacks := pl.split()
		for _, st := range attacks {
			if err := m.prepare(ctx, pl.name, st); err != nil {
				m.opened = false
				return errors.Join(fmt.Errorf("%s: %w", st.name, err), m.model.Close())
			}
		}
	}
	return nil
}

func (m *openModel) prepare(ctx context.Context, pipeline string, st planStage) error {
	preparer, ok := st.stage.(ModelPreparer)
	if !ok {
		return nil
	}
	notes, err := preparer.PrepareModel(ctx, m.model)
	if err != nil || len(notes) == 0 {
		return err
	}
	if m.notes == nil {
		m.notes = map[string][]string{}
	}
	m.notes[pipeline] = append(m.notes[pipeline], notes...)
	return nil
}

// checkDecisions gives up the models whose outputs are not those that the
// decision of one of their pipelines speaks of.
func (r *runner) checkDecisions() {
	for _, pass := range r.plan.passes {
		for _, pl := range pass.pipelines {
			d := pl.decision(r.sources[pl.order])
			if d == nil {
				continue
			}
			for _, i := range pl.models {
				m := &r.models[i]
				info, err := m.model.Describe(context.Background())
				if err == nil && info.Classes > 0 && info.Classes != len(d.Of) {
					m.giveUp(fmt.Errorf("has %d classes; the decision %s of pipeline %s is for classifiers of %d", info.Classes, d.Name, pl.name, len(d.Of)))
				}
			}
		}
	}
}

// closeModels may be called again, and then waits for the first call.
func (r *runner) closeModels() { r.closing.Do(r.closeEachModel) }

func (r *runner) closeEachModel() {
	for _, m := range r.models {
		if !m.opened {
			continue
		}
		if err := safely(m.name, m.model.Close); err != nil {
			r.opt.Log.Warn("closing a model", "model", m.name, "error", err)
		}
	}
}
