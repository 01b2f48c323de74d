package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"quba/internal/imaging"
	"quba/pipeline/registry"
)

// HasAttack says whether the stages of a pipeline end in attacks, so that its
// images are shown by EachAttack and not by EachImage.
func (p *Plan) HasAttack(pipeline string) bool {
	for _, pl := range p.pipelines() {
		if _, attacks := pl.split(); pl.name == pipeline && len(attacks) > 0 {
			return true
		}
	}
	return false
}

// EachAttack is EachImage for a pipeline that ends in attacks. It opens the
// model of that name and gives take each image as the model would be given it,
// resized and cropped, with what the attacks made of it. An image of which the
// stages before make several comes as often.
//
// A model that cannot be opened or attacked is a DataError.
func (p *Plan) EachAttack(ctx context.Context, pipeline, model string, log *slog.Logger, take func(input Sample, made []Sample) error) (ImageCount, error) {
	r, err := p.adhocRunner(pipeline, log)
	if err != nil {
		return ImageCount{}, err
	}
	if err := r.useModel(p.models, model); err != nil {
		return ImageCount{}, err
	}
	if err := r.openStages(ctx); err != nil {
		return ImageCount{}, err
	}
	defer r.closeStages()
	defer r.closeModels()
	if err := r.openModel(ctx); err != nil {
		return ImageCount{}, err
	}
	return r.eachAttack(ctx, take)
}

// useModel gives the one pipeline of the plan the one model.
func (r *runner) useModel(models []planModel, name string) error {
	at := slices.IndexFunc(models, func(m planModel) bool { return m.name == name })
	if at < 0 {
		var names []string
		for _, m := range models {
			names = append(names, m.name)
		}
		return registry.Unknown("model", name, names)
	}
	r.plan.models = models[at : at+1]
	r.plan.passes[0].pipelines[0].models = []int{0}
	r.models = make([]openModel, 1)
	return nil
}

func (r *runner) openModel(ctx context.Context) error {
	r.eachModel(func(m *openModel) error {
		if err := m.describe(ctx); err != nil {
			return err
		}
		return m.open(ctx, &r.info)
	})
	if fault := r.models[0].fault.Load(); fault != nil {
		return &DataError{fmt.Errorf("%s: %w", r.models[0].name, *fault)}
	}
	return nil
}

// attacked is a step of work with what the attacks made of each sample of its
// batch.
type attacked struct {
	work
	made [][]Sample
}

func (r *runner) eachAttack(ctx context.Context, take func(input Sample, made []Sample) error) (ImageCount, error) {
	g, reading, end := newReading(ctx)
	defer end()
	c, pass, workers := r.plan.config, &r.plan.passes[0], r.workers()
	prepare := &preparer{pass: pass, models: r.models, seed: c.Seed, recrop: c.Protocol == protocolQubaCode, clock: r.clock, limits: imaging.Options{MaxPixels: c.MaxPixels}}
	var whole bool
	batches := newBatcher(r.models, passDone{}, func() bool { return whole })
	ready := flatMap(from(g, reading, pass.path, pass.numbered(reading, 0, &whole)), "preparing images", workers, workers, prepare.Prepare)
	works := scan(ready, "batching", batches.Add, batches.Flush)
	made := flatMap(works, "attacking", workers, workers, r.attack)
	var count ImageCount
	err := drain(made, "taking images", func(a attacked) error {
		count.Images += a.read
		for _, bad := range a.bad {
			count.note(r.opt.Log, bad)
		}
		for i, input := range a.batch {
			if err := take(input, a.made[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errSource) {
		err = &DataError{err}
	}
	return count, errors.Join(err, ctx.Err())
}

// attack attacks the samples of a step.
func (r *runner) attack(ctx context.Context, w work) ([]attacked, error) {
	if w.batch == nil {
		return []attacked{{work: w}}, nil
	}
	_, attacks := r.plan.passes[0].pipelines[0].split()
	made, err := (&inferrer{clock: r.clock}).attack(ctx, &r.models[0], attacks, w.batch)
	if err != nil && ctx.Err() == nil {
		return nil, &DataError{fmt.Errorf("%s: %w", r.models[0].name, err)}
	}
	if err != nil {
		return nil, err
	}
	each := len(made) / len(w.batch)
	if each == 0 || each*len(w.batch) != len(made) {
		return nil, fmt.Errorf("%s: the attacks made %d images of %d; they must make equally many of each", r.models[0].name, len(made), len(w.batch))
	}
	return []attacked{{w, slices.Collect(slices.Chunk(made, each))}}, nil
}
