package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/internal/imaging"
	"quba/pipeline/record"
)

// ImageCount says what EachImage or EachAttack did.
type ImageCount struct {
	Images   int64 // read, unusable ones counted
	Bad      int64 // images that could not be used
	FirstBad *BadSample
}

// EachImage sends the images of a pipeline through its stages, several at a
// time, and gives each decoded image with what the stages made of it to take,
// in the order of the source and from one goroutine. It needs no models and
// no sinks.
//
// An image that cannot be used is narrated and counted; an error of take ends
// the loop. Errors of the data set or of opening a stage are DataErrors. That
// the pipeline HasAttack is a UsageError.
func (p *Plan) EachImage(ctx context.Context, pipeline string, log *slog.Logger, take func(clean Sample, made []Sample) error) (ImageCount, error) {
	if p.HasAttack(pipeline) {
		return ImageCount{}, &UsageError{fmt.Errorf("the stages of pipeline %s end in an attack, and there is no model here that it could attack", pipeline)}
	}
	r, err := p.adhocRunner(pipeline, log)
	if err != nil {
		return ImageCount{}, err
	}
	if err := r.openStages(ctx); err != nil {
		return ImageCount{}, err
	}
	defer r.closeStages()

	g, reading, end := newReading(ctx)
	defer end()
	c, pass, workers := r.plan.config, &r.plan.passes[0], r.workers()
	w := imageWork{
		preparer: preparer{pass: pass, seed: c.Seed, clock: r.clock, limits: imaging.Options{MaxPixels: c.MaxPixels}},
		stages:   pass.pipelines[0].stages,
	}
	made := flatMap(from(g, reading, pass.path, pass.samples(reading)), "preparing images", workers, workers, w.change)
	var count ImageCount
	err = drain(made, "taking images", func(d changed) error {
		count.Images++
		if d.bad != nil {
			count.note(log, *d.bad)
			return nil
		}
		return take(d.clean, d.made)
	})
	if errors.Is(err, errSource) {
		err = &DataError{err}
	}
	return count, errors.Join(err, ctx.Err())
}

// adhocRunner is for one pipeline, without models and sinks.
func (p *Plan) adhocRunner(pipeline string, log *slog.Logger) (*runner, error) {
	alone, err := p.only(pipeline)
	if err != nil {
		return nil, err
	}
	c := p.config
	r := &runner{plan: alone, opt: RunOptions{Log: log}, clock: &clock{}}
	r.info = Run{Seed: c.Seed, Protocol: c.Protocol, Library: c.Library, Workers: r.workers(), Pipelines: []RunPipeline{{Name: pipeline}}}
	return r, nil
}

// newReading makes the group of a graph, and the context of its source, which
// stops when the graph fails or ctx ends; what was read by then still flows.
func newReading(ctx context.Context) (g *group, reading context.Context, end func()) {
	g = newGroup(context.WithoutCancel(ctx))
	reading, stop := context.WithCancel(ctx)
	forget := context.AfterFunc(g.ctx, stop)
	return g, reading, func() {
		forget()
		stop()
		g.cancel(nil)
	}
}

// note counts a bad image; the first is narrated whatever the level.
func (c *ImageCount) note(log *slog.Logger, bad BadSample) {
	level := slog.LevelDebug
	if c.Bad++; c.Bad == 1 {
		level, c.FirstBad = slog.LevelError, &bad
	}
	log.Log(context.Background(), level, "unusable image", "path", bad.Path, "reason", bad.Reason)
}

// only is the plan with one pipeline, and without models and sinks.
func (p *Plan) only(pipeline string) (*Plan, error) {
	for _, whole := range p.passes {
		for _, pl := range whole.pipelines {
			if pl.name == pipeline {
				whole.pipelines = []planPipeline{pl}
				return &Plan{config: p.config, passes: []pass{whole}}, nil
			}
		}
	}
	return nil, fmt.Errorf("no pipeline is named %q", pipeline)
}

// changed is one image before and after the stages.
type changed struct {
	clean Sample
	made  []Sample
	bad   *BadSample
}

type imageWork struct {
	preparer
	stages []planStage
}

func (w *imageWork) change(ctx context.Context, s Sample) ([]changed, error) {
	s.Seed, s.Pipeline = w.seed, w.pass.pipelines[0].name
	image, _, err := w.decode(s, &room{})
	if MachineFault(err) {
		return nil, fmt.Errorf("%s: %w", s.Path, err)
	}
	if err != nil {
		bad := w.note(s, err.Error())
		return []changed{{bad: &bad}}, nil
	}
	s = s.With(image, s.Variant)
	made, err := applyStages(ctx, w.stages, []Sample{s})
	if errors.Is(err, ErrUnusable) {
		bad := w.note(s, err.Error())
		return []changed{{bad: &bad}}, nil
	}
	return []changed{{clean: s, made: made}}, err
}

// Collect gives records to the sinks of the plan, as a run would, and returns
// what they made of them. run says what is known of the models and pipelines
// of the records.
func (p *Plan) Collect(ctx context.Context, run Run, records iter.Seq2[arrow.Record, error]) (scores []record.Score, problems []string, err error) {
	r := &runner{plan: p, opt: RunOptions{Log: slog.New(slog.DiscardHandler)}, clock: &clock{}, info: run}
	if err := r.openSinks(ctx); err != nil {
		return nil, nil, err
	}
	for rec, err := range records {
		if err == nil {
			err = r.writeAll(ctx, rec)
		}
		if err != nil {
			r.abortSinks(len(p.sinks))
			return nil, nil, err
		}
	}
	err = r.closeSinks(ctx)
	return r.result.Scores, r.result.Problems, err
}

func (r *runner) writeAll(ctx context.Context, rec arrow.Record) error {
	for _, s := range r.plan.sinks {
		if err := s.sink.Write(ctx, rec); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
