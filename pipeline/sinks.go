package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

func (r *runner) writeRecord(ctx context.Context, d inferred) error {
	if r.models[d.model].failed() {
		return nil
	}
	defer timed(&r.clock.sinks)()
	for _, s := range r.plan.sinks {
		if err := s.sink.Write(context.WithoutCancel(ctx), d.record); err != nil {
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

// closeSinks makes the results visible and collects the scores. After the
// first failure the rest is aborted.
func (r *runner) closeSinks(ctx context.Context) error {
	defer timed(&r.clock.sinks)()
	for i, s := range r.plan.sinks {
		if err := s.sink.Close(context.WithoutCancel(ctx)); err != nil {
			for _, rest := range r.plan.sinks[i+1:] {
				rest.sink.Abort()
			}
			return fmt.Errorf("%s: %w", s.name, err)
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
