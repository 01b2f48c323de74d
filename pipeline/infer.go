package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/internal/imaging"
)

// work is a step of the second half of the graph: a batch for a model, or
// only news of samples that were read.
type work struct {
	pipeline, model int
	batch           []Sample
	private         []*Image // those of the batch that nobody else holds
	read            int64    // samples that left the source since the step before
	bad, warnings   []BadSample
}

// batcher cuts the items of each pipeline and model into batches of the
// model's size. The cuts depend on the order of the items alone.
type batcher struct {
	models  []openModel
	open    map[batchKey]*openBatch
	order   []batchKey // in order of first use
	pending work       // news that no batch has carried yet
}

type batchKey struct{ pipeline, model int }

// openBatch is a batch that is not full yet.
type openBatch struct {
	samples []Sample
	private []*Image
}

// newsLimit bounds the news that wait for a batch to travel with.
const newsLimit = 256

func newBatcher(models []openModel) *batcher {
	return &batcher{models: models, open: map[batchKey]*openBatch{}}
}

// Add takes the next prepared sample and returns the batches that it fills.
func (b *batcher) Add(p prepared) ([]work, error) {
	b.pending.read++
	b.pending.bad = append(b.pending.bad, p.bad...)
	b.pending.warnings = append(b.pending.warnings, p.warnings...)
	var full []work
	for _, it := range p.items {
		key := batchKey{it.pipeline, it.model}
		open, known := b.open[key]
		if !known {
			open = &openBatch{}
			b.open[key] = open
			b.order = append(b.order, key)
		}
		open.samples = append(open.samples, it.sample)
		if it.private {
			open.private = append(open.private, it.sample.Image)
		}
		if len(open.samples) == b.models[it.model].info.BatchSize {
			full = append(full, b.cut(key))
		}
	}
	if len(full) == 0 && b.pending.read+int64(len(b.pending.bad)) >= newsLimit {
		full = append(full, b.news())
	}
	return full, nil
}

// Flush returns the last, short batches.
func (b *batcher) Flush() ([]work, error) {
	var rest []work
	for _, key := range b.order {
		if len(b.open[key].samples) > 0 {
			rest = append(rest, b.cut(key))
		}
	}
	return append(rest, b.news()), nil
}

func (b *batcher) cut(key batchKey) work {
	w := b.news()
	open := b.open[key]
	w.pipeline, w.model, w.batch, w.private = key.pipeline, key.model, open.samples, open.private
	*open = openBatch{samples: make([]Sample, 0, len(w.batch))}
	return w
}

func (b *batcher) news() work {
	w := b.pending
	b.pending = work{}
	return w
}

// inferred is a finished step.
type inferred struct {
	work
	record arrow.Record // nil when there was no batch, or its model failed
}

// inferrer runs batches through their models. It is safe for concurrent use.
type inferrer struct {
	models  []openModel
	attacks [][]planStage // by pipeline
	probs   []bool        // by pipeline: whether all probabilities are asked for
	clock   *clock
	opening *opening
}

// Infer never fails for a model alone: the model is given up instead. A batch
// that an attack makes many of gives several records.
func (r *inferrer) Infer(ctx context.Context, w work) ([]inferred, error) {
	steps := []inferred{{work: w}}
	if w.batch == nil {
		return steps, nil
	}
	<-r.opening.done
	if r.opening.err != nil {
		return nil, r.opening.err
	}
	model := &r.models[w.model]
	if !model.failed() {
		records, err := r.classify(ctx, model, w)
		if MachineFault(err) {
			release(records)
			return nil, fmt.Errorf("%s: %w", model.name, err)
		}
		if err != nil && ctx.Err() == nil {
			model.giveUp(err)
		}
		steps = withRecords(w, records)
	}
	for _, image := range w.private {
		imaging.Recycle(image)
	}
	for i := range steps {
		steps[i].batch, steps[i].private = nil, nil
	}
	return steps, nil
}

// withRecords gives the first record the news of the step.
func withRecords(w work, records []arrow.Record) []inferred {
	steps := []inferred{{work: w}}
	for i, rec := range records {
		if i > 0 {
			steps = append(steps, inferred{work: work{pipeline: w.pipeline, model: w.model}})
		}
		steps[i].record = rec
	}
	return steps
}

// classify attacks the samples of a batch where the pipeline says so, and
// classifies what becomes of them, at most a batch at a time.
func (r *inferrer) classify(ctx context.Context, model *openModel, w work) ([]arrow.Record, error) {
	samples, err := r.attack(ctx, model, r.attacks[w.pipeline], w.batch)
	if err != nil {
		return nil, err
	}
	defer timed(&r.clock.infer)()
	var records []arrow.Record
	for batch := range slices.Chunk(samples, model.info.BatchSize) {
		rec, err := inferSafely(ctx, model, batch, r.probs[w.pipeline])
		if err != nil {
			release(records)
			return nil, err
		}
		records = append(records, rec)
	}
	return records, nil
}

func release(records []arrow.Record) {
	for _, rec := range records {
		rec.Release()
	}
}

// attack sends a batch through the attacks, in order.
func (r *inferrer) attack(ctx context.Context, model *openModel, attacks []planStage, batch []Sample) ([]Sample, error) {
	if len(attacks) == 0 {
		return batch, nil
	}
	defer timed(&r.clock.attack)()
	for _, st := range attacks {
		var next []Sample
		for part := range slices.Chunk(batch, model.info.BatchSize) {
			made, err := st.attack(ctx, model.model, part)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", st.name, err)
			}
			next = append(next, made...)
		}
		batch = next
	}
	return batch, nil
}

func (st planStage) attack(ctx context.Context, model Model, batch []Sample) (made []Sample, err error) {
	err = safely(st.name, func() (err error) {
		made, err = st.stage.(Attack).AttackModel(ctx, model, batch)
		return err
	})
	return made, err
}

// inferSafely turns a panic into the model's error, and refuses a record of
// the wrong length.
func inferSafely(ctx context.Context, m *openModel, batch []Sample, probs bool) (rec arrow.Record, err error) {
	err = safely(m.name, func() (err error) {
		rec, err = m.model.Infer(ctx, batch, probs)
		return err
	})
	if err != nil {
		return nil, err
	}
	if rec.NumRows() != int64(len(batch)) {
		n := rec.NumRows()
		rec.Release()
		return nil, fmt.Errorf("gave %d predictions for %d samples", n, len(batch))
	}
	return rec, nil
}
