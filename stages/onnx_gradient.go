package stages

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"quba/internal/autodiff"
	"quba/internal/modelcard"
	"quba/internal/ort"
	"quba/pipeline"
)

var _ pipeline.Differentiable = (*Onnx)(nil)

// Differentiator gives a view of the open model for attacks. The first that
// asks for gradients writes the gradient graph and loads it beside the model.
func (m *Onnx) Differentiator(ctx context.Context, gradient bool) (pipeline.Differentiator, error) {
	var g *gradientGraph
	if gradient {
		var err error
		if g, err = m.gradientGraph(ctx); err != nil {
			return nil, err
		}
	}
	l, err := m.borrow()
	if err != nil {
		return nil, err
	}
	return newOnnxView(m, l, g), nil
}

// gradientGraph is the model's gradient, loaded. It is shared by all
// goroutines.
type gradientGraph struct {
	graph *ort.Graph
	*autodiff.Gradient
}

// gradientGraph makes the graph at the first call; a failure stays.
func (m *Onnx) gradientGraph(ctx context.Context) (*gradientGraph, error) {
	m.gradientMu.Lock()
	defer m.gradientMu.Unlock()
	if m.gradient != nil || m.gradientErr != nil {
		return m.gradient, m.gradientErr
	}
	g, err := m.described.gradient(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	m.gradient, m.gradientErr = g, err
	return g, err
}

func (d *onnxModel) gradient(ctx context.Context) (*gradientGraph, error) {
	made, err := autodiff.Differentiate(ctx, d.file.Path, autodiff.Options{
		Input: d.card.InputName.Value, Output: d.card.OutputName.Value, Shape: d.input(d.gradientRows()).Shape,
	})
	var unsupported *autodiff.UnsupportedError
	if errors.As(err, &unsupported) {
		return nil, fmt.Errorf("%w: %w", pipeline.ErrNoGradient, err)
	}
	if err != nil {
		return nil, err
	}
	graph, err := ort.OpenGraph(made.Model, ort.GraphOptions{
		Inputs: []string{made.Images, made.Labels}, Outputs: []string{made.Logits, made.Loss, made.Input},
	})
	if err != nil {
		return nil, fmt.Errorf("the gradient graph: %w", err)
	}
	made.Model = nil // onnxruntime has its own copy
	g := &gradientGraph{graph, made}
	if err := g.check(ctx, d.normalisation(0)); err != nil {
		return nil, errors.Join(err, graph.Close())
	}
	return g, nil
}

// gradientPixels is how many pixels a gradient graph takes at once. All values of
// a network are kept until its backward half has used them, which fills the
// caches; weights are read less often for more images.
const gradientPixels = 2 * 224 * 224

// gradientRows is how many images a gradient graph takes at once, a divisor of
// rows.
func (d *onnxModel) gradientRows() int {
	size := d.card.ImageSize()
	n := max(1, min(d.rows, gradientPixels/(size.W*size.H)))
	for d.rows%n != 0 {
		n--
	}
	return n
}

// check refuses a network whose gradient is finite for none of some images of noise:
// the attacks take what is not finite for 0, and all images would withstand them.
func (g *gradientGraph) check(ctx context.Context, n normalisation) error {
	const images = 4
	random := rand.New(rand.NewPCG(0, 0))
	size := 1
	for _, side := range g.Shape[1:] {
		size *= int(side)
	}
	x, labels := make([]float32, g.Batch*size), make([]int64, g.Batch)
	for tried := 0; tried < images; tried += g.Batch {
		for i := range x {
			x[i] = n.apply(random.Float32())
		}
		outputs, err := g.run(ctx, x, labels)
		if err != nil {
			return err
		}
		for dx := range slices.Chunk(outputs[2].Data.([]float32), size) {
			if !slices.ContainsFunc(dx, notFinite) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: it has NaN or infinite values for plain test images; use the attack \"square\", which needs no gradient", pipeline.ErrNoGradient)
}

// run gives logits, losses and the gradient.
func (g *gradientGraph) run(ctx context.Context, x []float32, labels []int64) ([]ort.Array, error) {
	return g.graph.Run(ctx, []ort.Array{{Shape: g.Shape, Data: x}, {Shape: []int64{int64(g.Batch)}, Data: labels}})
}

func notFinite(v float32) bool { return v-v != 0 }

// onnxView is the model as one goroutine's attack sees it. Its lane runs the
// network forward.
type onnxView struct {
	model    *Onnx
	lane     *lane
	gradient *gradientGraph // nil when it was not asked for

	norms  [3]normalisation // by colour
	offset [3]int           // where a colour begins in an image of the input
	step   int              // distance of its values
	plane  int              // values of one colour

	input  []float32
	labels []int64
}

func newOnnxView(m *Onnx, l *lane, g *gradientGraph) *onnxView {
	d := l.model
	size := d.card.ImageSize()
	v := &onnxView{model: m, lane: l, gradient: g, plane: size.W * size.H, step: 1}
	for channel := range v.norms {
		v.norms[channel] = d.normalisation(channel)
		v.offset[channel] = d.position(channel) * v.plane
	}
	if d.card.Layout.Value == modelcard.NHWC {
		v.step = 3
		v.offset = [3]int{d.position(0), d.position(1), d.position(2)}
	}
	if g != nil {
		v.input, v.labels = make([]float32, 3*v.plane*g.Batch), make([]int64, g.Batch)
	}
	return v
}

// Batch is the model's own: the gradient graph takes a part of it at a time.
func (v *onnxView) Batch() int { return v.lane.model.rows }

func (v *onnxView) Size() (h, w int) {
	size := v.lane.model.card.ImageSize()
	return size.H, size.W
}

func (v *onnxView) Classes() int { return v.lane.model.info.Classes }

func (v *onnxView) Normalisation() (mean, std [3]float32) {
	for channel, n := range v.norms {
		mean[channel], std[channel] = n.mean/n.scale, n.std/n.scale
	}
	return mean, std
}

// Logits runs the network forward. Where its outputs are probabilities, their
// logarithms are logits as good as any: softmax gives the same. Those of an image
// whose outputs are not finite are NaN.
func (v *onnxView) Logits(ctx context.Context, x, logits []float32) error {
	d := v.lane.model
	images, size := v.Batch(), 3*v.plane
	for first := 0; first < images; first += d.rows {
		n := min(d.rows, images-first)
		for i := range n {
			v.lane.packer.packExact(i, x[(first+i)*size:(first+i+1)*size])
		}
		v.lane.packer.repeat(n, d.rows)
		if err := v.lane.runner.Run(ctx); err != nil {
			return err
		}
		if err := v.readLogits(n, logits[first*d.info.Classes:]); err != nil {
			return err
		}
	}
	return nil
}

func (v *onnxView) readLogits(n int, logits []float32) error {
	d := v.lane.model
	output := v.lane.runner.Output()
	width := len(output) / d.rows
	for i := range n {
		into := logits[i*d.info.Classes : (i+1)*d.info.Classes]
		whole := output[i*width : (i+1)*width]
		if slices.ContainsFunc(whole, notFinite) {
			fill(into, float32(math.NaN()))
			continue
		}
		row, err := v.lane.classes(whole)
		if err != nil {
			return err
		}
		copy(into, row)
		if d.card.Output.Value == modelcard.Probabilities {
			for k, p := range into {
				into[k] = float32(math.Log(math.Max(float64(p), math.SmallestNonzeroFloat32)))
			}
		}
	}
	return nil
}

func fill(row []float32, value float32) {
	for k := range row {
		row[k] = value
	}
}

// Gradient runs the gradient graph.
func (v *onnxView) Gradient(ctx context.Context, x []float32, labels []int64, logits, loss, dx []float32) error {
	if v.gradient == nil {
		return errors.New("the gradient was not asked for")
	}
	n, size, classes := v.gradient.Batch, 3*v.plane, v.Classes()
	for first := 0; first < len(labels); first += n {
		end := first + n
		err := v.gradientOf(ctx, x[first*size:end*size], labels[first:end], logits[first*classes:end*classes], loss[first:end], dx[first*size:end*size])
		if err != nil {
			return err
		}
	}
	return nil
}

// gradientOf takes as many images as the graph.
func (v *onnxView) gradientOf(ctx context.Context, x []float32, labels []int64, logits, loss, dx []float32) error {
	v.toInput(x)
	background := 0
	if v.lane.model.background() {
		background = 1
	}
	for i, label := range labels {
		v.labels[i] = label + int64(background)
	}
	g := v.gradient
	outputs, err := g.run(ctx, v.input, v.labels)
	if err != nil {
		return err
	}
	all := outputs[0].Data.([]float32)
	for i := range g.Batch {
		copy(logits[i*v.Classes():(i+1)*v.Classes()], all[i*g.Classes+background:(i+1)*g.Classes])
	}
	copy(loss, outputs[1].Data.([]float32))
	v.fromInput(outputs[2].Data.([]float32), dx)
	return nil
}

// toInput normalises images of planes into the layout of the network.
func (v *onnxView) toInput(x []float32) {
	v.eachChannel(x, func(n normalisation, planar []float32, image []float32) {
		for i, value := range planar {
			image[i*v.step] = n.apply(value)
		}
	}, v.input)
}

// fromInput takes a gradient in the network's layout to one of planes.
func (v *onnxView) fromInput(gradient, dx []float32) {
	v.eachChannel(dx, func(n normalisation, planar []float32, image []float32) {
		slope := n.slope()
		for i := range planar {
			planar[i] = image[i*v.step] * slope
		}
	}, gradient)
}

// eachChannel pairs a colour of an image in planes with where it begins in the
// network's layout.
func (v *onnxView) eachChannel(planes []float32, visit func(n normalisation, planar, image []float32), network []float32) {
	size := 3 * v.plane
	for at := 0; at < len(planes); at += size {
		for channel, n := range v.norms {
			visit(n, planes[at+channel*v.plane:at+(channel+1)*v.plane], network[at+v.offset[channel]:])
		}
	}
}

// Notes are those of the differentiation.
func (v *onnxView) Notes() []string {
	if v.gradient == nil {
		return nil
	}
	return v.gradient.Notes
}

func (v *onnxView) Close() error {
	v.model.giveBack(v.lane)
	return nil
}
