package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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
	place           place    // of the last item of the batch
	read            int64    // samples that left the source since the step before
	bad, warnings   []BadSample
	last            bool // of the pass
	// cutShort says that the batch is short because reading was stopped: when
	// all is read, the items fall into other batches.
	cutShort bool
}

// place is that of an item among those of one pipeline and model: the position
// in the pass of the sample that it was made of, and which of that sample's items
// it is, from 1. The zero place comes before all others.
type place struct {
	Sample int64 `json:"sample"`
	Item   int   `json:"item"`
}

// next is the place of the item after p, which is made of the given sample.
func (p place) next(sample int64) place {
	if sample == p.Sample {
		return place{sample, p.Item + 1}
	}
	return place{sample, 1}
}

func (p place) after(q place) bool {
	return p.Sample > q.Sample || p.Sample == q.Sample && p.Item > q.Item
}

// batcher cuts the items of each pipeline and model into batches of the
// model's size. The cuts depend on the order of the items alone: it leaves out
// the items and news that an earlier run has done, which all end with a cut.
type batcher struct {
	models  []openModel
	done    passDone
	whole   func() bool // whether all samples were read; asked at the end
	open    map[batchKey]*openBatch
	pending work // news that no batch has carried yet
}

type batchKey struct{ pipeline, model int }

// openBatch is a batch that is not full yet.
type openBatch struct {
	place   place // of the last item that was seen
	samples []Sample
	private []*Image
}

// newsLimit bounds the news that wait for a batch to travel with.
const newsLimit = 256

func newBatcher(models []openModel, done passDone, whole func() bool) *batcher {
	return &batcher{models: models, done: done, whole: whole, open: map[batchKey]*openBatch{}}
}

// Add takes the next prepared sample and returns the batches that it fills.
func (b *batcher) Add(p prepared) ([]work, error) {
	if p.at >= b.done.read {
		b.pending.read++
		b.pending.bad = append(b.pending.bad, p.bad...)
		b.pending.warnings = append(b.pending.warnings, p.warnings...)
	}
	var full []work
	for _, it := range p.items {
		key := batchKey{it.pipeline, it.model}
		if b.add(key, p.at, it) == b.models[it.model].info.BatchSize {
			full = append(full, b.cut(key))
		}
	}
	if len(full) == 0 && b.pending.read+int64(len(b.pending.bad)) >= newsLimit {
		full = append(full, b.news())
	}
	return full, nil
}

// add puts an item of a sample into its batch, unless it is done, and returns
// how many are in it.
func (b *batcher) add(key batchKey, sample int64, it item) int {
	open, known := b.open[key]
	if !known {
		open = &openBatch{}
		b.open[key] = open
	}
	open.place = open.place.next(sample)
	if !open.place.after(b.done.places[key]) {
		return 0
	}
	open.samples = append(open.samples, it.sample)
	if it.private {
		open.private = append(open.private, it.sample.Image)
	}
	return len(open.samples)
}

// Flush returns the last, short batches, in the order of pipelines and models.
func (b *batcher) Flush() ([]work, error) {
	var rest []work
	for _, key := range slices.SortedFunc(maps.Keys(b.open), batchKey.compare) {
		if len(b.open[key].samples) > 0 {
			rest = append(rest, b.cut(key))
		}
	}
	rest = append(rest, b.news())
	rest[len(rest)-1].last = true
	for i := range rest {
		rest[i].cutShort = !b.whole()
	}
	return rest, nil
}

func (k batchKey) compare(other batchKey) int {
	return cmp.Or(k.pipeline-other.pipeline, k.model-other.model)
}

func (b *batcher) cut(key batchKey) work {
	w := b.news()
	open := b.open[key]
	w.pipeline, w.model, w.batch, w.private, w.place = key.pipeline, key.model, open.samples, open.private, open.place
	*open = openBatch{place: open.place, samples: make([]Sample, 0, len(w.batch))}
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
	// records are those of the batch, several where an attack made many of it;
	// none when there was no batch, or its model failed.
	records []arrow.Record
}

// inferrer runs batches through their models. It is safe for concurrent use.
type inferrer struct {
	models  []openModel
	attacks [][]planStage // by pipeline
	probs   []bool        // by pipeline: whether all probabilities are asked for
	clock   *clock
	opening *opening
}

// Infer never fails for a model alone: the model is given up instead.
func (r *inferrer) Infer(ctx context.Context, w work) ([]inferred, error) {
	step := inferred{work: w}
	if w.batch == nil {
		return []inferred{step}, nil
	}
	<-r.opening.done
	if r.opening.err != nil {
		return nil, r.opening.err
	}
	model := &r.models[w.model]
	if !model.failed() {
		records, bad, err := r.classify(ctx, model, w)
		if MachineFault(err) {
			return nil, fmt.Errorf("%s: %w", model.name, err)
		}
		if err != nil && ctx.Err() == nil {
			model.giveUp(err)
		}
		step.records, step.bad = records, append(step.bad, bad...)
	}
	for _, image := range w.private {
		imaging.Recycle(image)
	}
	step.batch, step.private = nil, nil
	return []inferred{step}, nil
}

// classify attacks the samples of a batch where the pipeline says so, and
// classifies what becomes of them, at most a batch at a time.
func (r *inferrer) classify(ctx context.Context, model *openModel, w work) (records []arrow.Record, bad []BadSample, err error) {
	samples, err := r.attack(ctx, model, r.attacks[w.pipeline], w.batch)
	if err != nil {
		return nil, nil, err
	}
	defer timed(&r.clock.infer)()
	for batch := range slices.Chunk(samples, model.info.BatchSize) {
		rec, without, err := inferUsable(ctx, model, batch, r.probs[w.pipeline])
		if err != nil {
			release(records)
			return nil, nil, err
		}
		bad = append(bad, without...)
		if rec != nil {
			records = append(records, rec)
		}
	}
	return records, bad, nil
}

// inferUsable leaves out the samples that the model has no prediction for; the
// record is nil when none is left. A model that has none for a full batch of
// several images is at fault itself.
func inferUsable(ctx context.Context, m *openModel, batch []Sample, probs bool) (rec arrow.Record, bad []BadSample, err error) {
	rec, err = inferSafely(ctx, m, batch, probs)
	var rows UnusableRows
	if !errors.As(err, &rows) {
		return rec, nil, err
	}
	if len(rows) == m.info.BatchSize && severalImages(batch) {
		return nil, nil, fmt.Errorf("%s: %w", batch[0].ID, rows[0])
	}
	var usable []Sample
	for i, s := range batch {
		if reason := rows[i]; reason != nil {
			bad = append(bad, BadSample{Pipelines: []string{s.Pipeline}, ID: s.ID, Path: s.Path, Reason: fmt.Sprintf("%s: %v", m.name, reason)})
			continue
		}
		usable = append(usable, s)
	}
	if len(usable) == 0 {
		return nil, bad, nil
	}
	rec, err = inferSafely(ctx, m, usable, probs)
	return rec, bad, err
}

func release(records []arrow.Record) {
	for _, rec := range records {
		rec.Release()
	}
}

func severalImages(batch []Sample) bool {
	return slices.ContainsFunc(batch, func(s Sample) bool { return s.ID != batch[0].ID })
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
