package pipelinetest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"quba/pipeline"
)

// fakeSlope is how a logit of a FakeModel grows with the value it is made of.
const fakeSlope = 255.0 / 64

// planar is the place in three planes of a value that is interleaved at i.
func planar(i, plane int) int { return i%3*plane + i/3 }

// Differentiator is of the same function as Infer. Its normalisation is that of
// no real model.
func (f *FakeModel) Differentiator(_ context.Context, gradient bool) (pipeline.Differentiator, error) {
	if gradient && !f.Gradients {
		return nil, fmt.Errorf("fake: %w", pipeline.ErrNoGradient)
	}
	return &fakeDifferentiator{model: f, gradient: gradient}, nil
}

type fakeDifferentiator struct {
	model    *FakeModel
	gradient bool
}

func (d *fakeDifferentiator) Batch() int   { return d.model.Batch }
func (d *fakeDifferentiator) Classes() int { return d.model.Classes }
func (d *fakeDifferentiator) Close() error { return nil }

func (d *fakeDifferentiator) Notes() []string {
	if d.gradient {
		return d.model.Notes
	}
	return nil
}

func (d *fakeDifferentiator) Size() (h, w int) {
	if t := d.model.Transform; t.CropW > 0 && t.CropH > 0 {
		return t.CropH, t.CropW
	}
	return 8, 8
}

func (d *fakeDifferentiator) Normalisation() (mean, std [3]float32) {
	return [3]float32{0.5, 0.4, 0.3}, [3]float32{0.25, 0.2, 0.1}
}

// source is the value that class k of image i is made of.
func (d *fakeDifferentiator) source(i, k int) int {
	h, w := d.Size()
	size := 3 * h * w
	return i*size + planar(k%size, h*w)
}

func (d *fakeDifferentiator) Logits(ctx context.Context, x, logits []float32) error {
	for i := range d.Batch() {
		for k := range d.Classes() {
			logits[i*d.Classes()+k] = x[d.source(i, k)] * fakeSlope
		}
	}
	return ctx.Err()
}

func (d *fakeDifferentiator) Gradient(ctx context.Context, x []float32, labels []int64, logits, loss, dx []float32) error {
	if err := d.Logits(ctx, x, logits); err != nil {
		return err
	}
	clear(dx)
	for i, label := range labels {
		z := logits[i*d.Classes() : (i+1)*d.Classes()]
		top, sum := float64(slices.Max(z)), 0.0
		for _, v := range z {
			sum += math.Exp(float64(v) - top)
		}
		loss[i] = float32(top + math.Log(sum) - float64(z[label]))
		for k, v := range z {
			dx[d.source(i, k)] += float32(math.Exp(float64(v)-top) / sum * fakeSlope)
		}
		dx[d.source(i, int(label))] -= fakeSlope
	}
	return nil
}
