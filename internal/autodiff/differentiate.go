// Package autodiff writes the gradient of an ONNX classifier as another ONNX
// graph of ordinary inference operators, which any onnxruntime runs.
//
// It is reverse-mode automatic differentiation of graphs: the nodes are walked
// backwards from the loss to the input, and each adds the nodes of its
// vector-Jacobian product. Only the input is differentiated, no weights.
//
// A model is read (model.go), brought into one form (normalise.go, opset.go) and
// run once for its shapes and constants (trace.go). Its layers are rewritten into
// what has a cheap gradient (peephole.go, linear.go, channels_last.go, gelu.go),
// the loss is put on top (loss.go), and the rules (rules_*.go) write the backward
// half (backward.go). What nothing needs goes (prune.go), and long passes over
// memory become loops over tiles (tile*.go).
package autodiff

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"quba/internal/onnxpb"
)

// Options says what to differentiate.
type Options struct {
	// Input and Output name the image input and the classifier's output.
	Input, Output string
	// Shape is that of the input, the batch first, every dimension positive.
	// Where the model fixes the batch, Gradient.Shape has the model's own.
	Shape []int64

	tiling *tiling // nil is usualTiling
}

// Gradient is a model that computes the gradient of the cross entropy.
type Gradient struct {
	// Model is a serialised ModelProto without external data.
	Model []byte
	// Images and Labels name the inputs: float32 of Shape, and int64 [B] in
	// [0, Classes).
	Images, Labels string
	// Logits, Loss and Input name the outputs: float32 [B, Classes], [B], and
	// the gradient of the sum of the losses with respect to the images, of
	// Shape. Each image's gradient is independent of the others, as the sum's
	// is, unless the model mixes the images of a batch.
	Logits, Loss, Input string

	Shape          []int64
	Batch, Classes int
	// Notes say what was done to the model that its user should know.
	Notes []string
}

// Differentiate reads the model at path and writes its gradient. The error is
// an *UnsupportedError when the model has none or a rule is missing.
// ort.Initialize must have been called: the model is run once on random
// numbers, so it must have passed its probe.
func Differentiate(ctx context.Context, path string, o Options) (*Gradient, error) {
	g, err := differentiateFile(ctx, path, o)
	var missing *UnsupportedError
	if errors.As(err, &missing) {
		missing.Model = path
		return nil, missing
	}
	return g, err
}

func differentiateFile(ctx context.Context, path string, o Options) (*Gradient, error) {
	model, err := readModel(path)
	if err != nil {
		return nil, err
	}
	g, err := differentiate(ctx, model, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// differentiate takes the model apart and uses its parts.
func differentiate(ctx context.Context, model *onnxpb.ModelProto, o Options) (*Gradient, error) {
	notes, err := normalise(model)
	if err != nil {
		return nil, &UnsupportedError{Reason: err.Error()}
	}
	shape, err := inputShape(model.Graph, o)
	if err != nil {
		return nil, err
	}
	t, err := traceGraph(ctx, model, o.Input, o.Output, shape)
	if err != nil && shape[0] > 1 && ctx.Err() == nil && !isUnsupported(err) {
		// Some exports have a batch of 1 baked into a Reshape.
		shape[0] = 1
		if single, again := traceGraph(ctx, model, o.Input, o.Output, shape); again == nil {
			t, err = single, nil
		}
	}
	if err != nil {
		return nil, err
	}
	opset, err := opsetOf(model)
	if err != nil {
		return nil, err
	}
	b := newBuilder(t, opset.Version)
	if o.tiling != nil {
		b.tiling = *o.tiling
	}
	return b.gradient(model, o, notes)
}

func isUnsupported(err error) bool {
	var missing *UnsupportedError
	return errors.As(err, &missing)
}

// inputShape is the wanted shape, with the batch that the model fixes.
func inputShape(g *onnxpb.GraphProto, o Options) ([]int64, error) {
	var declared *onnxpb.TypeProto_Tensor
	for _, in := range g.Input {
		if in.Name != o.Input {
			return nil, &UnsupportedError{Reason: fmt.Sprintf("the model must have the one input %q, has %q too", o.Input, in.Name)}
		}
		declared = in.GetType().GetTensorType()
	}
	if declared == nil {
		return nil, fmt.Errorf("there must be a tensor input %q", o.Input)
	}
	if t := elementType(declared.ElemType); t != float32Type {
		return nil, &UnsupportedError{Reason: fmt.Sprintf("the input %q must be float32 or float16, is %s, which has no gradient", o.Input, onnxpb.TensorProto_DataType(t))}
	}
	if len(o.Shape) == 0 || slices.Min(o.Shape) < 1 {
		return nil, fmt.Errorf("input %q: the shape must have positive dimensions, is %v", o.Input, o.Shape)
	}
	return reconcile(declared.GetShape(), o)
}

func reconcile(declared *onnxpb.TensorShapeProto, o Options) ([]int64, error) {
	shape := slices.Clone(o.Shape)
	if declared == nil {
		return shape, nil
	}
	if len(declared.Dim) != len(shape) {
		return nil, fmt.Errorf("input %q has %d dimensions, got the shape %v", o.Input, len(declared.Dim), o.Shape)
	}
	for i, d := range declared.Dim {
		fixed := d.GetDimValue()
		switch {
		case fixed <= 0 || fixed == shape[i]:
		case i == 0:
			shape[0] = fixed
		default:
			return nil, fmt.Errorf("input %q: dimension %d must be %d, is %d", o.Input, i, fixed, shape[i])
		}
	}
	return shape, nil
}
