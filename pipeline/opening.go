package pipeline

import (
	"context"
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
	described := make(chan struct{})
	go func() {
		defer close(described)
		r.eachModel(func(m *openModel) { m.describe(ctx) })
	}()
	err := r.describeSources(ctx)
	<-described
	if err != nil {
		return err
	}
	return r.needModel()
}

// open loads the models and opens the sinks. A model that fails is marked and
// left out.
func (r *runner) open(ctx context.Context) error {
	r.eachModel(func(m *openModel) { m.open(ctx, &r.info) })
	if ctx.Err() == nil {
		if err := r.needModel(); err != nil {
			return err
		}
	}
	for _, m := range r.models {
		if !m.failed() {
			r.info.Models = append(r.info.Models, RunModel{Name: m.name, Info: m.info})
			continue
		}
		r.opt.Log.Error("model is left out", "model", m.name, "error", *m.fault.Load())
	}
	r.info.Metadata = r.metadata()
	return r.openSinks(ctx)
}

// needModel is an error when every model has failed.
func (r *runner) needModel() error {
	if slices.ContainsFunc(r.models, func(m openModel) bool { return !m.failed() }) {
		return nil
	}
	for _, m := range r.models {
		r.opt.Log.Error("model is left out", "model", m.name, "error", *m.fault.Load())
	}
	r.reportFailed()
	return &DataError{ErrNoModel}
}

// eachModel calls f for all models, several at once.
func (r *runner) eachModel(f func(*openModel)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, r.workers())
	for i := range r.models {
		m := &r.models[i]
		if m.fault == nil {
			*m = openModel{planModel: r.plan.models[i], fault: &atomic.Pointer[error]{}}
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			defer func() {
				if cause := recover(); cause != nil {
					m.giveUp(fmt.Errorf("internal fault: %v", cause))
				}
			}()
			if !m.failed() {
				f(m)
			}
		}()
	}
	wg.Wait()
}

func (m *openModel) describe(ctx context.Context) {
	info, err := m.model.Describe(ctx)
	if err == nil && info.BatchSize < 1 {
		err = fmt.Errorf("batch size must be at least 1, got %d", info.BatchSize)
	}
	if err != nil {
		m.giveUp(err)
		return
	}
	m.info = info
}

func (m *openModel) open(ctx context.Context, run *Run) {
	if err := m.model.Open(ctx, run); err != nil {
		m.giveUp(err)
		return
	}
	m.opened = true
}

func (r *runner) closeModels() {
	for _, m := range r.models {
		if !m.opened {
			continue
		}
		if err := m.model.Close(); err != nil {
			r.opt.Log.Warn("closing a model", "model", m.name, "error", err)
		}
	}
}
