package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"

	"quba/pipeline/config"
	"quba/pipeline/record"
)

// passDone is what a journal holds of one pass.
type passDone struct {
	whole  bool               // all of it
	read   int64              // samples whose news it holds
	places map[batchKey]place // of the last item of each pipeline and model that went into a batch
}

// of is how many samples a pipeline is done with: it needs none of their images.
func (d *passDone) of(pl *planPipeline, models []openModel) int64 {
	samples := d.read
	if samples == 0 {
		return 0
	}
	for _, m := range pl.models {
		if !models[m].failed() {
			samples = min(samples, d.places[batchKey{pl.order, m}].Sample)
		}
	}
	return samples
}

// first is the position of the first sample whose image is needed.
func (d *passDone) first(p *pass, models []openModel) int64 {
	first := d.read
	for i := range p.pipelines {
		first = min(first, d.of(&p.pipelines[i], models))
	}
	return first
}

func (d *passDone) add(e entry) {
	d.read += e.Read
	d.whole = e.Last
	if e.Place == (place{}) {
		return
	}
	if d.places == nil {
		d.places = map[batchKey]place{}
	}
	d.places[batchKey{e.Pipeline, e.Model}] = e.Place
}

// accepts says whether an entry can be the next of the pass.
func (d *passDone) accepts(e entry, p *pass) bool {
	if d.whole || e.Read < 0 {
		return false
	}
	if e.Place == (place{}) {
		return len(e.records) == 0 && e.Failed == ""
	}
	key := batchKey{e.Pipeline, e.Model}
	return e.Place.after(d.places[key]) && slices.ContainsFunc(p.pipelines, func(pl planPipeline) bool {
		return pl.order == key.pipeline && slices.Contains(pl.models, key.model)
	})
}

// resume takes over what an unfinished run has left in the folder, if it would
// have come to the same results. The models must be known for that, so it waits
// for them; without such a run it does not.
func (r *runner) resume(ctx context.Context) error {
	r.done = make([]passDone, len(r.plan.passes))
	if !r.folder.unfinished {
		return nil
	}
	<-r.opening.done
	if r.opening.err != nil {
		return r.opening.err
	}
	j, facts, err := openJournal(r.folder.journalPath())
	if errors.Is(err, errJournal) {
		r.dropUnfinished("its journal " + err.Error())
		return nil
	}
	if err != nil {
		return journalError(err)
	}
	if changed := facts.differences(r.facts()); len(changed) > 0 {
		r.dropUnfinished("not the same: " + strings.Join(changed, ", "))
		return j.Close()
	}
	r.journal = j
	return r.takeOver(ctx)
}

func journalError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("journal of the run: %w", err)
}

func (r *runner) dropUnfinished(reason string) {
	r.opt.Log.Warn("begins anew: what an unfinished run has left is of no use", "reason", reason)
}

// takeOver hands the steps of the journal to tally and sinks, and makes the
// journal ready for those that come.
func (r *runner) takeOver(ctx context.Context) error {
	for {
		e, err := r.journal.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return journalError(err)
		}
		if !r.accepts(e) {
			release(e.records)
			break
		}
		r.journal.accept()
		if err := r.replay(ctx, e); err != nil {
			return err
		}
	}
	lost, err := r.journal.cut()
	if err != nil {
		return journalError(err)
	}
	if lost > 0 {
		r.opt.Log.Warn("the end of what an unfinished run has left is damaged and is computed again", "bytes", lost)
	}
	return r.noteResumed()
}

func (r *runner) accepts(e entry) bool {
	return e.Pass >= 0 && e.Pass < len(r.done) && (e.Resumed || r.done[e.Pass].accepts(e, &r.plan.passes[e.Pass]))
}

// replay does with a step of the journal what is done with one that was just
// computed.
func (r *runner) replay(ctx context.Context, e entry) error {
	if e.Resumed {
		r.tally.resumed.Times++
		return nil
	}
	r.done[e.Pass].add(e)
	if e.Failed != "" {
		r.models[e.Model].giveUp(errors.New(e.Failed))
	}
	w := work{pipeline: e.Pipeline, model: e.Model, read: e.Read, bad: badSamples(e.Bad), warnings: badSamples(e.Warnings)}
	return r.count(ctx, &r.plan.passes[e.Pass], inferred{work: w, records: e.records})
}

// noteResumed counts and narrates that the run goes on.
func (r *runner) noteResumed() error {
	t := &r.tally
	if t.images == 0 && t.rows == 0 {
		return nil
	}
	t.resumed = Resumed{Times: t.resumed.Times + 1, Images: t.images, Rows: t.rows}
	r.opt.Log.Info("going on with an unfinished run", "images", t.images, "predictions", t.rows)
	return journalError(r.journal.append(entry{Resumed: true}))
}

// keep adds a finished step to the journal.
func (r *runner) keep(pass int, d inferred) error {
	if d.cutShort {
		return nil
	}
	if err := r.beginJournal(); err != nil {
		return err
	}
	defer timed(&r.clock.sinks)()
	e := entry{
		Pass: pass, Pipeline: d.pipeline, Model: d.model, Place: d.place, Read: d.read, Last: d.last,
		Bad: sampleNotes(d.bad), Warnings: sampleNotes(d.warnings), records: d.records,
	}
	if fault := r.models[d.model].fault.Load(); fault != nil && d.place != (place{}) && len(d.records) == 0 {
		e.Failed = (*fault).Error()
	}
	return journalError(r.journal.append(e))
}

// beginJournal makes a journal where there is none. It waits until all facts of
// the run are known.
func (r *runner) beginJournal() error {
	if r.journal != nil {
		return nil
	}
	<-r.opening.done
	if r.opening.err != nil {
		return r.opening.err
	}
	j, err := createJournal(r.folder.journalPath(), r.facts())
	if err != nil {
		return journalError(err)
	}
	r.journal = j
	return nil
}

func (r *runner) closeJournal() {
	if r.journal == nil {
		return
	}
	if err := r.journal.Close(); err != nil {
		r.opt.Log.Warn("closing the journal", "error", err)
	}
}

// facts are all that the predictions of the run depend on. Models and sinks must
// be open.
func (r *runner) facts() runFacts {
	c, meta := r.plan.config, r.info.Metadata
	facts := runFacts{
		"version of the tool": Version, "config": config.Hash(c), "seed": strconv.FormatUint(c.Seed, 10), "protocol": c.Protocol,
		"onnxruntime": meta[record.MetaRuntime], "JPEG decoder": meta[record.MetaJPEG], "stages": meta[record.MetaStages],
		"pipelines": meta[record.MetaPipelines], "scores": meta[record.MetaMetrics], "processor": processor(),
		"what is left out": mustJSON(r.plan.left), "format of predictions": record.Predictions.String(),
	}
	for _, m := range r.info.Models {
		m.Info.Path = ""
		facts["model "+m.Name] = mustJSON(m)
	}
	for _, p := range r.info.Pipelines {
		facts["data set of "+p.Name] = fmt.Sprintf("%s, %d images", p.Source.Digest, p.Source.Samples)
	}
	return facts
}

// processor tells processors apart by their instructions: onnxruntime computes
// in other ways with others, and the last bits differ.
func processor() string { return fmt.Sprintf("%s %+v %+v", runtime.GOARCH, cpu.X86, cpu.ARM64) }

// differences names what is not the same, or only in one of both.
func (f runFacts) differences(other runFacts) []string {
	all := maps.Clone(f)
	maps.Copy(all, other)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, known := f[name]
		if otherValue, otherKnown := other[name]; value != otherValue || known != otherKnown {
			names = append(names, name)
		}
	}
	return names
}

// numbered is a sample with its position in the pass, from 0.
type numbered struct {
	sample Sample
	at     int64
}

// numbered are the samples from a position on. whole is set when the source has
// come to its end, and was not stopped.
func (p *pass) numbered(ctx context.Context, first int64, whole *bool) iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		at := int64(0)
		for s, err := range p.samples(ctx) {
			if (err != nil || at >= first) && !yield(numbered{s, at}, err) {
				return
			}
			if err != nil {
				return
			}
			at++
		}
		*whole = ctx.Err() == nil
	}
}
