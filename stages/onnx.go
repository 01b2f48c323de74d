package stages

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/modelcard"
	"quba/internal/onnxfile"
	"quba/internal/ort"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Models, "onnx", "An image classifier in an ONNX file, run by onnxruntime on the CPU.",
		OnnxConfig{Batch: 4, Probe: OnnxProbe{Timeout: time.Minute, MemoryMB: 4096, Remember: true}},
		func(c OnnxConfig) (pipeline.Model, error) { return NewOnnx(c), nil })
}

// Onnx is an image classifier in an ONNX file.
//
// All goroutines share one session; each Infer borrows a lane, which owns the
// tensors. The network always runs on the same number of images, the last
// ones padded: onnxruntime computes a single image in another way, whose last
// bits differ.
type Onnx struct {
	// Mem allocates the records; the default allocator when nil.
	Mem memory.Allocator

	config OnnxConfig

	mu        sync.Mutex
	described *onnxModel
	session   *ort.Session
	lanes     []*lane // those that no Infer is using
	runtime   string

	gradientMu  sync.Mutex
	gradient    *gradientGraph
	gradientErr error
}

var (
	_ pipeline.Model    = (*Onnx)(nil)
	_ pipeline.Runtimer = (*Onnx)(nil)
)

// onnxModel is what is known of the model before it is loaded.
type onnxModel struct {
	file     *onnxfile.File
	external []onnxfile.ExternalHash
	card     modelcard.Card
	info     pipeline.ModelInfo
	// rows is how many images one run of the network takes.
	rows int
	// output is the layout of one run's output; known after the probe.
	output ort.Tensor
}

// NewOnnx makes a classifier; it opens nothing.
func NewOnnx(config OnnxConfig) *Onnx { return &Onnx{config: config} }

// Describe reads and hashes the file and finds out how it is used. The result
// is kept: a file that changes later is not noticed. The kind of output is
// "" until Open has probed it, unless it is stated.
func (m *Onnx) Describe(ctx context.Context) (pipeline.ModelInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.describe(ctx); err != nil {
		return pipeline.ModelInfo{}, err
	}
	return m.described.info, nil
}

// describe returns the error of ctx between its steps, each of which reads
// files to their end.
func (m *Onnx) describe(ctx context.Context) error {
	if err := ctx.Err(); err != nil || m.described != nil {
		return err
	}
	file, err := onnxfile.Read(m.config.Path)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := file.CheckExternalData(); err != nil {
		return err
	}
	external, err := file.HashExternalData()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	given, err := m.config.card()
	if err != nil {
		return err
	}
	card, err := modelcard.Resolve(file, given)
	if err != nil {
		return err
	}
	m.described = newOnnxModel(file, external, card, m.config.Batch)
	return nil
}

func newOnnxModel(file *onnxfile.File, external []onnxfile.ExternalHash, card modelcard.Card, batch int) *onnxModel {
	d := &onnxModel{file: file, external: external, card: card, rows: max(batch, 2)}
	size := d.rows
	if card.Batch.Known() {
		d.rows, size = card.Batch.Value, card.Batch.Value
	}
	if size == 1 {
		size = batch
	}
	d.info = pipeline.ModelInfo{
		Path: file.Path, SHA256: file.SHA256, Transform: card.Transform(), BatchSize: size,
		Classes: d.classes(card.Classes.Value), Parameters: card.Parameters.Value,
		ParametersOrigin: card.Parameters.Origin, Labels: card.Labels,
	}
	d.tell()
	return d
}

// classes is how many classes remain of so many outputs.
func (d *onnxModel) classes(outputs int) int {
	if d.background() {
		return outputs - 1
	}
	return outputs
}

func (d *onnxModel) background() bool {
	return d.card.ClassOrder.Value == modelcard.ImageNetBackground
}

// tell writes the output kind and the facts of the card into info.
func (d *onnxModel) tell() {
	d.info.Output = ""
	if kind := d.card.Output.Value; kind != modelcard.Auto {
		d.info.Output = string(kind)
	}
	d.info.Facts = nil
	for _, f := range d.card.Facts() {
		d.info.Facts = append(d.info.Facts, pipeline.Fact(f))
	}
	d.info.Facts = append(d.info.Facts, externalFacts("", d.external)...)
}

// externalFacts identify the data files of a model, with a prefix before their
// names.
func externalFacts(prefix string, files []onnxfile.ExternalHash) []pipeline.Fact {
	var facts []pipeline.Fact
	for _, e := range files {
		facts = append(facts, pipeline.Fact{Name: prefix + "external data " + e.Location, Value: e.SHA256, Origin: "sha256"})
	}
	return facts
}

// Warm loads onnxruntime, the same for all models of the process.
func (m *Onnx) Warm(library string) error {
	_, _, err := ort.Initialize(library)
	return err
}

// Open probes the model in a child process, then loads it.
func (m *Onnx) Open(ctx context.Context, run *pipeline.Run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session != nil {
		return errors.New("the model is open already")
	}
	if err := m.describe(ctx); err != nil {
		return err
	}
	version, library, err := ort.Initialize(run.Library)
	if err != nil {
		return fmt.Errorf("%w: %w", pipeline.ErrRuntime, err)
	}
	d := m.described
	spec, err := d.probeSpec(library, m.config.Probe)
	if err != nil {
		return err
	}
	result, err := tryModel(ctx, spec, m.config.Probe.Remember, d.file, d.external)
	if err != nil {
		return advise(err)
	}
	if err := d.accept(result); err != nil {
		return fmt.Errorf("%s: %w", d.file.Path, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	session, err := ort.Open(d.file.Path, d.options(1))
	if err != nil {
		return fmt.Errorf("%s: %w", d.file.Path, err)
	}
	m.session, m.runtime = session, version
	return nil
}

// advise names the option that bounds what the probe exceeded.
func advise(err error) error {
	var fault *ort.ProbeError
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Fault {
	case ort.OutOfMemory:
		return fmt.Errorf("%w; raise probe.memory_mb if the model is to be trusted", err)
	case ort.TimedOut:
		return fmt.Errorf("%w; raise probe.timeout if the model is to be trusted", err)
	}
	return err
}

func (d *onnxModel) options(threads int) ort.Options {
	return ort.Options{Inputs: []string{d.card.InputName.Value}, Output: d.card.OutputName.Value, Threads: threads}
}

// Runtime is the version of onnxruntime; "" before Open.
func (m *Onnx) Runtime() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runtime
}

// Infer classifies a batch. Outputs that are not finite are an error that
// names the sample.
func (m *Onnx) Infer(ctx context.Context, batch []pipeline.Sample, probs bool) (arrow.Record, error) {
	l, err := m.borrow()
	if err != nil {
		return nil, err
	}
	defer m.giveBack(l)
	b := l.builder(probs)
	if err := l.infer(ctx, batch, b); err != nil {
		b.NewRecord().Release()
		return nil, err
	}
	return b.NewRecord(), nil
}

// borrow takes an idle lane, or makes one: there are as many as there were
// calls at once.
func (m *Onnx) borrow() (*lane, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session == nil {
		return nil, errors.New("the model is not open")
	}
	if n := len(m.lanes); n > 0 {
		l := m.lanes[n-1]
		m.lanes = m.lanes[:n-1]
		return l, nil
	}
	mem := m.Mem
	if mem == nil {
		mem = memory.DefaultAllocator
	}
	return newLane(m.session, m.described, mem)
}

func (m *Onnx) giveBack(l *lane) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lanes = append(m.lanes, l)
}

// Close frees the session. No Infer may be running.
func (m *Onnx) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	for _, l := range m.lanes {
		err = errors.Join(err, l.close())
	}
	m.lanes = nil
	if m.gradient != nil {
		err = errors.Join(err, m.gradient.graph.Close())
		m.gradient = nil
	}
	if m.session != nil {
		err = errors.Join(err, m.session.Close())
		m.session = nil
	}
	return err
}

// outputKind is the kind of output in the terms of records.
func (d *onnxModel) outputKind() record.Output {
	if d.card.Output.Value == modelcard.Probabilities {
		return record.Probabilities
	}
	return record.Logits
}
