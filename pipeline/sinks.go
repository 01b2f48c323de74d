package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/pipeline/record"
)

func (r *runner) openSinks(ctx context.Context) error {
	for i, s := range r.plan.sinks {
		if err := s.sink.Open(ctx, &r.info); err != nil {
			r.abortSinks(i)
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// probsByPipeline says for each pipeline whether a sink needs the
// probabilities of all classes.
func (r *runner) probsByPipeline() []bool {
	needs := make([]bool, len(r.plan.config.Pipelines))
	for i, p := range r.plan.config.Pipelines {
		for _, s := range r.plan.sinks {
			if needer, ok := s.sink.(Needer); ok && slices.Contains(needer.Needs(p.Name), record.ColProbs) {
				needs[i] = true
			}
		}
	}
	return needs
}

func (r *runner) writeRecord(ctx context.Context, model int, rec arrow.Record) error {
	if r.models[model].failed() {
		return nil
	}
	defer timed(&r.clock.sinks)()
	for _, s := range r.plan.sinks {
		if err := s.sink.Write(context.WithoutCancel(ctx), rec); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// reportFailed lists the models that were given up and takes their results
// out of the sinks.
func (r *runner) reportFailed() {
	for _, m := range r.models {
		if !m.failed() {
			continue
		}
		reason := *m.fault.Load()
		r.result.Failed = append(r.result.Failed, FailedModel{Name: m.name, Error: reason.Error()})
		if !m.opened {
			continue
		}
		r.opt.Log.Error("model was given up", "model", m.name, "error", reason)
		for _, s := range r.plan.sinks {
			if dropper, ok := s.sink.(ModelDropper); ok {
				dropper.Drop(m.name)
			}
		}
	}
}

// closeSinks makes the results visible, several at once, and collects the
// scores. After a failure the sinks that are not being closed yet are aborted;
// of several failures the first in the config's order is returned.
func (r *runner) closeSinks(ctx context.Context) error {
	errs := r.eachSink(func(s Sink) error { return s.Close(context.WithoutCancel(ctx)) })
	for i, s := range r.plan.sinks {
		if errs[i] != nil {
			return fmt.Errorf("%s: %w", s.name, errs[i])
		}
		if scorer, ok := s.sink.(Scorer); ok {
			r.result.Scores = append(r.result.Scores, scorer.Scores()...)
		}
		if troubled, ok := s.sink.(Troubled); ok {
			r.result.Problems = append(r.result.Problems, troubled.Problems()...)
		}
	}
	if ctx.Err() != nil {
		r.markInterrupted()
	}
	return nil
}

// eachSink calls f for the sinks in order, several at once, and returns its
// errors. After the first the rest is aborted.
func (r *runner) eachSink(f func(Sink) error) []error {
	errs := make([]error, len(r.plan.sinks))
	var failed atomic.Bool
	atOnce(r.workers(), len(errs), func(i int) {
		s := r.plan.sinks[i]
		if failed.Load() {
			s.sink.Abort()
			return
		}
		defer timed(&r.clock.sinks)()
		errs[i] = safely(s.name, func() error { return f(s.sink) })
		if errs[i] != nil {
			failed.Store(true)
		}
	})
	return errs
}

func (r *runner) abortSinks(opened int) {
	for _, s := range r.plan.sinks[:opened] {
		s.sink.Abort()
	}
}

// markInterrupted makes every score partial that was made from images: it was
// made from a part of the data set.
func (r *runner) markInterrupted() {
	for i := range r.result.Scores {
		s := &r.result.Scores[i]
		if s.N == 0 {
			continue
		}
		s.Partial = true
		if s.Note != "" {
			s.Note += "; "
		}
		s.Note += fmt.Sprintf("interrupted after %d of %d images", r.tally.images, r.tally.totalImages)
	}
}

// errSource marks what a source itself reports.
var errSource = errors.New("data set")
