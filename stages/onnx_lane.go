package stages

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"quba/internal/modelcard"
	"quba/internal/onnxfile"
	"quba/internal/ort"
	"quba/pipeline"
	"quba/pipeline/record"
)

// lane is one goroutine's way through a session: tensors, lookup tables and
// builders that live as long as the model is open.
type lane struct {
	model  *onnxModel
	runner *ort.Runner
	packer packer
	// plain and full build records without and with probabilities.
	plain, full *record.Builder
	row         []float32 // for outputs whose background class is dropped
}

func newLane(session *ort.Session, model *onnxModel, mem memory.Allocator) (*lane, error) {
	runner, err := session.NewRunner([]ort.Tensor{model.input(model.rows)}, model.output)
	if err != nil {
		return nil, err
	}
	return &lane{
		model: model, runner: runner, packer: model.packer(runner.Input(0)),
		plain: record.NewBuilder(mem, false), full: record.NewBuilder(mem, true),
		row: make([]float32, model.info.Classes),
	}, nil
}

func (l *lane) close() error {
	l.plain.Release()
	l.full.Release()
	return l.runner.Close()
}

func (l *lane) builder(probs bool) *record.Builder {
	if probs {
		return l.full
	}
	return l.plain
}

// infer appends a prediction for every sample.
func (l *lane) infer(ctx context.Context, batch []pipeline.Sample, into *record.Builder) error {
	unusable := pipeline.UnusableRows{}
	for first := 0; first < len(batch); first += l.model.rows {
		end := min(first+l.model.rows, len(batch))
		if err := l.run(ctx, batch[first:end]); err != nil {
			return err
		}
		l.read(batch, first, end, into, unusable)
	}
	if len(unusable) > 0 {
		return unusable
	}
	return nil
}

// run sends at most rows samples through the network.
func (l *lane) run(ctx context.Context, samples []pipeline.Sample) error {
	size := l.model.card.ImageSize()
	for i, s := range samples {
		if got := sizeOf(s); got != size {
			return fmt.Errorf("%s: the image must be %s, as the model's preprocessing makes it, is %s", s.ID, size, got)
		}
		if s.Exact != nil {
			l.packer.packExact(i, s.Exact.Pix)
			continue
		}
		l.packer.pack(i, s.Image.Pix)
	}
	l.packer.repeat(len(samples), l.model.rows)
	return l.runner.Run(ctx)
}

// read takes the outputs of the samples first to end of a batch.
func (l *lane) read(batch []pipeline.Sample, first, end int, into *record.Builder, unusable pipeline.UnusableRows) {
	output := l.runner.Output()
	width := len(output) / l.model.rows
	for i, s := range batch[first:end] {
		row, err := l.classes(output[i*width : (i+1)*width])
		if err != nil {
			unusable[first+i] = err
			continue
		}
		into.Append(s.Row(), row, l.model.outputKind())
	}
}

// sizeOf is the size of what the model is given.
func sizeOf(s pipeline.Sample) modelcard.Size {
	switch {
	case s.Exact != nil:
		return modelcard.Size{W: s.Exact.W, H: s.Exact.H}
	case s.Image != nil:
		return modelcard.Size{W: s.Image.W, H: s.Image.H}
	}
	return modelcard.Size{}
}

// sumTolerance is how far probabilities may miss the sum 1: what float16
// rounding can do to 1000 classes, with room.
const sumTolerance = 0.05

// classes checks an output row and drops a background class.
func (l *lane) classes(row []float32) ([]float32, error) {
	sum := 0.0
	for k, v := range row {
		if v-v != 0 {
			return nil, fmt.Errorf("output %d is %v", k, v)
		}
		sum += float64(v)
	}
	probabilities := l.model.outputKind() == record.Probabilities
	if probabilities && math.Abs(sum-1) > sumTolerance {
		return nil, fmt.Errorf("the outputs must be probabilities, but sum to %v", sum)
	}
	if !l.model.background() {
		return row, nil
	}
	copy(l.row, row[1:])
	if !probabilities {
		return l.row, nil
	}
	return l.row, renormalise(l.row)
}

// renormalise divides probabilities by their sum.
func renormalise(row []float32) error {
	sum := 0.0
	for _, v := range row {
		sum += float64(v)
	}
	if sum <= 0 {
		return errors.New("all probability is on the background class")
	}
	for k, v := range row {
		row[k] = float32(float64(v) / sum)
	}
	return nil
}

// packer writes images into an input tensor.
type packer interface {
	// pack writes 8-bit RGB pixels into a row of the batch.
	pack(row int, pix []byte)
	// packExact writes three planes of values, 0 black and 1 white.
	packExact(row int, planes []float32)
	// repeat copies the last of n rows until there are total.
	repeat(n, total int)
}

// tables is a packer with a lookup table for each of the channels R, G, B.
type tables[T any] struct {
	dst    []T
	values [3][256]T
	// exact is what a value of a channel becomes that is not on the 8-bit grid.
	exact [3]func(float32) T
	// offset is where a channel begins in a row; step the distance of pixels.
	offset [3]int
	step   int
	size   int // of a row
}

func (t *tables[T]) pack(row int, pix []byte) {
	dst := t.dst[row*t.size : (row+1)*t.size]
	for channel := range t.values {
		table := &t.values[channel]
		at := t.offset[channel]
		for i := channel; i < len(pix); i += 3 {
			dst[at] = table[pix[i]]
			at += t.step
		}
	}
}

func (t *tables[T]) packExact(row int, planes []float32) {
	dst := t.dst[row*t.size : (row+1)*t.size]
	n := len(planes) / 3
	for channel, exact := range t.exact {
		at := t.offset[channel]
		for _, x := range planes[channel*n : (channel+1)*n] {
			dst[at] = exact(x)
			at += t.step
		}
	}
}

func (t *tables[T]) repeat(n, total int) {
	last := t.dst[(n-1)*t.size : n*t.size]
	for row := n; row < total; row++ {
		copy(t.dst[row*t.size:], last)
	}
}

// packer makes the packer for the type of the input.
func (d *onnxModel) packer(dst ort.Elements) packer {
	switch {
	case dst.Float16 != nil:
		return newTables(d, dst.Float16, onnxfile.HalfFromFloat32)
	case dst.Uint8 != nil:
		return newTables(d, dst.Uint8, func(v float32) uint8 { return uint8(min(max(v+0.5, 0), 255)) })
	}
	return newTables(d, dst.Float32, func(v float32) float32 { return v })
}

func newTables[T any](d *onnxModel, dst []T, convert func(float32) T) *tables[T] {
	size := d.card.ImageSize()
	plane := size.W * size.H
	t := &tables[T]{dst: dst, step: 1, size: 3 * plane}
	for channel := range 3 {
		t.offset[channel] = d.position(channel) * plane
		for v, normal := range d.normalise(channel) {
			t.values[channel][v] = convert(normal)
		}
		n := d.normalisation(channel)
		t.exact[channel] = func(x float32) T { return convert(n.apply(x)) }
	}
	if d.card.Layout.Value == modelcard.NHWC {
		t.step = 3
		t.offset = [3]int{d.position(0), d.position(1), d.position(2)}
	}
	return t
}

// position is where a channel of R, G, B stands in the input.
func (d *onnxModel) position(channel int) int {
	if d.card.Color.Value == modelcard.BGR {
		return 2 - channel
	}
	return channel
}

// normalise is what each of the 256 pixel values of a channel becomes, in the
// float32 steps of torchvision's ToTensor and Normalize.
func (d *onnxModel) normalise(channel int) (table [256]float32) {
	n := d.normalisation(channel)
	for v := range table {
		if n.scale == 1 {
			table[v] = n.apply(float32(v) / 255)
			continue
		}
		table[v] = (float32(float64(v)*d.card.Scale.Value) - n.mean) / n.std
	}
	return table
}

// normalisation is how a channel's values, 0 black and 1 white, enter the
// network: scaled, less mean, over std.
type normalisation struct{ scale, mean, std float32 }

func (d *onnxModel) normalisation(channel int) normalisation {
	n := normalisation{scale: 1, mean: float32(d.card.Mean.Value[channel]), std: float32(d.card.Std.Value[channel])}
	if d.card.Scale.Value != modelcard.PixelScale {
		n.scale = float32(255 * d.card.Scale.Value)
	}
	return n
}

func (n normalisation) apply(x float32) float32 { return (x*n.scale - n.mean) / n.std }

// slope is the derivative of apply.
func (n normalisation) slope() float32 { return n.scale / n.std }
