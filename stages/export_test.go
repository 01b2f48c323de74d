package stages

import (
	"context"
	"slices"

	"quba/pipeline"
)

// Outputs gives the network's own numbers for each sample, at most as many as
// one run takes.
func (m *Onnx) Outputs(ctx context.Context, samples []pipeline.Sample) ([][]float32, error) {
	l, err := m.borrow()
	if err != nil {
		return nil, err
	}
	defer m.giveBack(l)
	if err := l.run(ctx, samples); err != nil {
		return nil, err
	}
	width := len(l.runner.Output()) / m.described.rows
	return slices.Collect(slices.Chunk(slices.Clone(l.runner.Output()), width)), nil
}
