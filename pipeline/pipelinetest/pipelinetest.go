// Package pipelinetest has what tests of components and of the engine need:
// sources in memory, models without a network behind them, sinks that
// remember.
package pipelinetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline"
	"quba/pipeline/record"
)

// Picture makes an image of the given size whose pixels depend on seed.
func Picture(w, h int, seed uint64) *pipeline.Image {
	m := &pipeline.Image{W: w, H: h, Pix: make([]byte, 3*w*h)}
	state := seed*0x9e3779b97f4a7c15 + 1
	for i := range m.Pix {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		m.Pix[i] = byte(state)
	}
	return m
}

// MemSource is a source of N made-up images of 8x8 pixels. Image i has the
// label i modulo Classes.
type MemSource struct {
	N, Classes int
	// Bad lists the positions whose files cannot be read.
	Bad []int
	// ReadErr is why; a plain error when nil.
	ReadErr error
	// FailAt makes the source itself fail before that position; 0 is never.
	FailAt int
}

var _ pipeline.Source = (*MemSource)(nil)

// Samples gives the images.
func (m *MemSource) Samples(ctx context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		for i := range m.N {
			if err := ctx.Err(); err != nil {
				yield(pipeline.Sample{}, err)
				return
			}
			if m.FailAt > 0 && i == m.FailAt {
				yield(pipeline.Sample{}, errors.New("the disk is gone"))
				return
			}
			if !yield(m.sample(i), nil) {
				return
			}
		}
	}
}

func (m *MemSource) sample(i int) pipeline.Sample {
	s := pipeline.Sample{
		Seq: uint64(i), ID: fmt.Sprintf("image%04d", i), Path: fmt.Sprintf("mem/image%04d", i),
		Label: int32(i % m.Classes), Cue: record.NoClass,
	}
	if slices.Contains(m.Bad, i) {
		err := m.ReadErr
		if err == nil {
			err = errors.New("cannot be read")
		}
		s.Read = func(*bytes.Buffer) error { return err }
		return s
	}
	s.Image = Picture(8, 8, uint64(i))
	return s
}

// Describe gives the numbers of the source.
func (m *MemSource) Describe(context.Context) (pipeline.SourceInfo, error) {
	return pipeline.SourceInfo{Samples: int64(m.N), Classes: m.Classes, Digest: fmt.Sprintf("mem-%d-%d", m.N, m.Classes)}, nil
}

// FakeModel is a classifier whose output is a function of the pixels.
type FakeModel struct {
	Classes, Batch int
	// OpenErr is what Open returns; FailOn is the ID at which Infer fails.
	OpenErr error
	FailOn  string
	// Unusable are IDs that there is no prediction for.
	Unusable []string
	// Panic makes the failure of FailOn a panic.
	Panic bool
	// Mem allocates the records; the default allocator when nil.
	Mem memory.Allocator
	// OnInfer sees every sample of a batch; it may be called from several
	// goroutines.
	OnInfer func(pipeline.Sample)
	// Transform is what the engine must do to the images.
	Transform pipeline.Transform
	// Gradients gives the model a gradient. Without, its Differentiator gives
	// logits only. Images to differentiate are as large as the crop of Transform,
	// or 8x8 without one.
	Gradients bool
	// Notes are what its Differentiator notes.
	Notes []string

	mu      sync.Mutex
	batches []int
	closed  int
}

var (
	_ pipeline.Model          = (*FakeModel)(nil)
	_ pipeline.Differentiable = (*FakeModel)(nil)
	_ pipeline.Runtimer       = (*FakeModel)(nil)
)

// Describe says how the model is used.
func (f *FakeModel) Describe(context.Context) (pipeline.ModelInfo, error) {
	return pipeline.ModelInfo{
		SHA256: "fake", BatchSize: f.Batch, Classes: f.Classes, Output: "logits", Parameters: 1_250_000,
		ParametersOrigin: "fake", Transform: f.Transform, Facts: []pipeline.Fact{{Name: "output", Value: "logits", Origin: "fake"}},
	}, nil
}

// Open returns OpenErr.
func (f *FakeModel) Open(context.Context, *pipeline.Run) error { return f.OpenErr }

// Infer makes logits from the first values of the image.
func (f *FakeModel) Infer(_ context.Context, batch []pipeline.Sample, probs bool) (arrow.Record, error) {
	f.mu.Lock()
	f.batches = append(f.batches, len(batch))
	f.mu.Unlock()
	mem := f.Mem
	if mem == nil {
		mem = memory.DefaultAllocator
	}
	b := record.NewBuilder(mem, probs)
	defer b.Release()
	logits := make([]float32, f.Classes)
	unusable := pipeline.UnusableRows{}
	for i, s := range batch {
		if slices.Contains(f.Unusable, s.ID) {
			unusable[i] = errors.New("output 0 is NaN")
			continue
		}
		if f.FailOn != "" && s.ID == f.FailOn {
			if f.Panic {
				panic("fake fault")
			}
			return nil, errors.New("fake failure")
		}
		if f.OnInfer != nil {
			f.OnInfer(s)
		}
		for k := range logits {
			logits[k] = fakeLogit(s, k)
		}
		b.Append(s.Row(), logits, record.Logits)
	}
	if len(unusable) > 0 {
		return nil, unusable
	}
	return b.NewRecord(), nil
}

// fakeLogit is that of class k: the value of a byte, in units of 64.
func fakeLogit(s pipeline.Sample, k int) float32 {
	if e := s.Exact; e != nil {
		return e.Pix[planar(k%len(e.Pix), e.W*e.H)] * fakeSlope
	}
	return float32(s.Image.Pix[k%len(s.Image.Pix)]) / 64
}

// Close counts.
func (f *FakeModel) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

// Closed says how often Close was called.
func (f *FakeModel) Closed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// Runtime names no real library.
func (f *FakeModel) Runtime() string { return "fake 1.0" }

// Batches lists the sizes of the batches so far.
func (f *FakeModel) Batches() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}
