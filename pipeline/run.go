package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"quba/internal/imaging"
)

// Run carries the plan out and writes the result folder. When ctx ends, it
// stops reading, finishes the batches that models are at work on, closes its
// files and marks the result as interrupted. What was read beyond them is left
// to the run that goes on.
//
// One bad image or model is recorded in the Result and does not end the run.
// The error is a DataError when no data set or model can be used; after an
// error no result is left that could be taken for a whole one.
func (p *Plan) Run(ctx context.Context, opt RunOptions) (Result, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	r := &runner{plan: p, opt: opt, began: time.Now(), clock: &clock{}}
	folder, err := openFolder(p.config, opt.Overwrite)
	if err != nil {
		return Result{}, err
	}
	defer folder.Close()
	r.folder = folder
	r.result.Out = folder.path
	err = r.run(ctx)
	r.closeModels()
	r.closeJournal()
	r.background.Wait()
	r.result.Resumed = r.tally.resumed
	r.result.Elapsed = time.Since(r.began)
	r.result.CPU = r.clock.cpuTime()
	r.result.Interrupted = ctx.Err() != nil
	if r.result.Interrupted && r.tally.rows == 0 {
		return r.result, ErrInterrupted
	}
	if err == nil {
		err = r.writeResult()
	}
	folder.unfinished = err != nil || r.result.Interrupted
	return r.result, err
}

// runner is the state of one run.
type runner struct {
	plan    *Plan
	opt     RunOptions
	began   time.Time
	clock   *clock
	folder  *folder
	info    Run
	models  []openModel
	sources []SourceInfo // by pipeline, in config order
	stages  []stageFacts
	closers []func() error
	closing sync.Once // of the models
	// background is what goes on beside the run and ends before it does.
	background sync.WaitGroup
	opening    opening
	journal    *journal   // nil before the first finished step
	done       []passDone // by pass: what an earlier run had finished
	tally      tally
	result     Result
}

func (r *runner) run(ctx context.Context) error {
	if err := r.describe(ctx); err != nil {
		return err
	}
	r.narrateLeftOut()
	if err := r.openStages(ctx); err != nil {
		return err
	}
	defer r.closeStages()
	for i, pl := range r.plan.pipelines() {
		// Some stages know their caveats only when they are open.
		r.info.Pipelines[i].Notes = pl.notes(r.info.Pipelines[i].Source)
	}
	r.stages = r.plan.stageFacts()
	r.opening.done = make(chan struct{})
	go func() {
		defer close(r.opening.done)
		r.opening.err = r.open(ctx)
	}()
	err := r.resume(ctx)
	if err == nil {
		err = r.runPasses(ctx)
	}
	<-r.opening.done
	if r.opening.err != nil {
		return r.opening.err
	}
	if err != nil {
		r.abortSinks(len(r.plan.sinks))
		return err
	}
	r.reportFailed()
	r.background.Go(r.closeModels) // while the sinks work
	return r.closeSinks(ctx)
}

func (r *runner) runPasses(ctx context.Context) error {
	for i := range r.plan.passes {
		if r.done[i].whole {
			continue
		}
		if err := r.runPass(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) workers() int {
	if n := r.plan.config.Workers; n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

func (r *runner) describeSources(ctx context.Context) error {
	infos, errs := r.plan.describeSources(ctx)
	if err := errors.Join(distinct(errs)...); err != nil {
		return &DataError{err}
	}
	r.sources = infos
	c := r.plan.config
	r.info = Run{Out: r.folder.staging, Seed: c.Seed, Protocol: c.Protocol, Library: c.Library, Workers: r.workers()}
	for i := range r.plan.passes {
		pass := &r.plan.passes[i]
		r.tally.addPass(pass, infos[pass.pipelines[0].order].Samples)
	}
	r.tally.totalRows = r.plan.forwardPasses(infos)
	r.info.Pipelines = r.plan.runPipelines(infos)
	if issues := r.plan.checkPipelines(infos); len(issues) > 0 {
		return issues
	}
	return nil
}

func (r *runner) openStages(ctx context.Context) error {
	for _, pass := range r.plan.passes {
		for _, pl := range pass.pipelines {
			for _, st := range pl.stages {
				if err := r.openStage(ctx, st); err != nil {
					r.closeStages()
					return &DataError{fmt.Errorf("%s: %w", st.name, err)}
				}
			}
		}
	}
	return nil
}

func (r *runner) openStage(ctx context.Context, st planStage) error {
	opener, ok := st.stage.(Opener)
	if !ok {
		return nil
	}
	if err := opener.Open(ctx, &r.info); err != nil {
		return err
	}
	if closer, ok := st.stage.(interface{ Close() error }); ok {
		r.closers = append(r.closers, closer.Close)
	}
	return nil
}

func (r *runner) closeStages() {
	for _, closeStage := range r.closers {
		if err := closeStage(); err != nil {
			r.opt.Log.Warn("closing a stage", "error", err)
		}
	}
	r.closers = nil
}

// protocolQubaCode is the protocol that repeats the authors' released code.
const protocolQubaCode = "quba-code"

// waitingImages is how many images of each worker may wait for inference:
// enough to prepare images while the models are loaded.
const waitingImages = 32

// waitingBatches is how many batches hold waitingImages of each worker. Few
// wait for an attack, which is so slow that no worker ever lacks a batch.
func (r *runner) waitingBatches(p *pass) int {
	if p.attacked() {
		return 1
	}
	size := 1
	for i := range r.models { // whose other fields are being set by now
		size = max(size, r.models[i].info.BatchSize)
	}
	return max(1, r.workers()*waitingImages/size)
}

// runPass streams one data set, by its position in the plan, through its
// pipelines and models into the sinks.
func (r *runner) runPass(ctx context.Context, at int) error {
	pass, done := &r.plan.passes[at], r.done[at]
	g := newGroup(context.WithoutCancel(ctx))
	defer g.cancel(nil)
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	defer context.AfterFunc(g.ctx, stopReading)()

	c := r.plan.config
	workers := r.workers()
	prepare := &preparer{pass: pass, models: r.models, done: done, seed: c.Seed, recrop: c.Protocol == protocolQubaCode, clock: r.clock, rooms: make(rooms, workers), limits: imaging.Options{MaxPixels: c.MaxPixels}}
	var whole bool // set before the last sample is through
	batches := newBatcher(r.models, done, func() bool { return whole })
	infer := &inferrer{models: r.models, attacks: r.plan.attacks(), probs: r.probsByPipeline(), clock: r.clock, opening: &r.opening}

	samples := from(g, reading, pass.path, pass.numbered(reading, done.first(pass, r.models), &whole))
	ready := flatMap(samples, "preparing images", workers, workers, prepare.Prepare)
	works := buffered(scan(ready, "batching", batches.Add, batches.Flush), r.waitingBatches(pass))
	steps := flatMapUntil(works, ctx, "inference", workers, workers, infer.Infer)
	r.tally.feed(pass)
	err := drain(steps, "writing results", func(d inferred) error { return r.take(ctx, at, d) })
	if errors.Is(err, errSource) {
		return &DataError{err}
	}
	return err
}

// take keeps a finished step and hands it on. It runs in one goroutine.
func (r *runner) take(ctx context.Context, pass int, d inferred) error {
	if err := r.keep(pass, d); err != nil {
		release(d.records)
		return err
	}
	if len(d.records) > 0 && r.result.FirstRecord == 0 {
		r.result.FirstRecord = time.Since(r.began)
	}
	if err := r.count(ctx, &r.plan.passes[pass], d); err != nil {
		return err
	}
	if r.opt.Progress != nil {
		r.opt.Progress(r.tally.progress())
	}
	return nil
}

// count hands a finished step to the tally and the sinks, and releases its
// records.
func (r *runner) count(ctx context.Context, pass *pass, d inferred) error {
	defer release(d.records)
	for _, bad := range d.bad {
		if err := r.recordBad(bad); err != nil {
			return err
		}
	}
	for _, w := range d.warnings {
		r.recordWarning(w)
	}
	r.tally.read(pass, d.read)
	for _, rec := range d.records {
		r.tally.rows += rec.NumRows()
		if err := r.writeRecord(ctx, d.model, rec); err != nil {
			return err
		}
	}
	return nil
}

// recordWarning counts a damaged image that is used as Pillow uses it.
func (r *runner) recordWarning(w BadSample) {
	level := slog.LevelDebug
	if r.tally.warnings == 0 {
		level = slog.LevelWarn
	}
	r.opt.Log.Log(context.Background(), level, "damaged image is used as it is", "path", w.Path, "reason", w.Reason)
	r.tally.warnings++
}

// recordBad names the first bad image whatever the level of narration.
func (r *runner) recordBad(bad BadSample) error {
	level := slog.LevelDebug
	if r.result.FirstBad == nil {
		r.result.FirstBad = &bad
		level = slog.LevelError
	}
	r.opt.Log.Log(context.Background(), level, "unusable image", "path", bad.Path, "reason", bad.Reason)
	r.tally.bad(bad)
	return r.folder.writeBad(bad)
}

// distinct drops repetitions: pipelines that share a data set share its error.
func distinct(errs []error) []error {
	var kept []error
	for _, err := range errs {
		if err != nil && !slices.ContainsFunc(kept, func(k error) bool { return k.Error() == err.Error() }) {
			kept = append(kept, err)
		}
	}
	return kept
}
