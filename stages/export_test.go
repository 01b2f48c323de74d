package stages

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/pipeline"
	"quba/pipeline/record"
)

// Outputs gives the network's own numbers for each sample, at most as many as
// one run takes.
func (m *Onnx) Outputs(ctx context.Context, samples []pipeline.Sample) ([][]float32, error) {
	l, err := m.borrow()
	if err != nil {
		return nil, err
	}
	defer m.giveBack(l)
	b := record.NewBuilder(memory.DefaultAllocator, false)
	defer b.Release()
	if err := l.run(ctx, samples, b); err != nil {
		return nil, err
	}
	width := len(l.runner.Output()) / m.described.rows
	return slices.Collect(slices.Chunk(slices.Clone(l.runner.Output()), width)), nil
}
