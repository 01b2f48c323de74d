package autodiff

import (
	"fmt"
	"slices"

	"quba/internal/onnxpb"
)

// logits finds what the cross entropy is taken of: the output, or what lies
// before a last Softmax over the classes. The gradient of the cross entropy of
// probabilities is that of another loss, and drowns in rounding.
func (b *builder) logits(output string, notes []string) (string, []string, error) {
	head := b.head(output)
	if head == nil {
		return output, notes, nil
	}
	switch head.OpType {
	case "Softmax":
		if !b.overClasses(head) {
			return output, notes, nil
		}
		return head.Input[0], append(notes, "the last Softmax is left out: the loss is taken of the logits before it"), nil
	case "Sigmoid":
		return "", nil, &UnsupportedError{Reason: fmt.Sprintf("output %q is made by a Sigmoid: the cross entropy is that of classes of which one is right", output)}
	}
	return output, notes, nil
}

// head is the node that makes the numbers of a value, seen through nodes that
// only rename, reshape or cast; nil for none.
func (b *builder) head(value string) *onnxpb.NodeProto {
	producers := map[string]*onnxpb.NodeProto{}
	for _, n := range b.nodes {
		for _, name := range n.Output {
			producers[name] = n
		}
	}
	for {
		n := producers[value]
		if n == nil || !standard(n.Domain) || !slices.Contains(transparent, n.OpType) {
			return n
		}
		value = n.Input[0]
	}
}

var transparent = []string{"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast"}

// overClasses says whether a Softmax goes over all numbers of each image.
func (b *builder) overClasses(softmax *onnxpb.NodeProto) bool {
	axis := int64(-1)
	for _, a := range softmax.Attribute {
		if a.Name == "axis" {
			axis = a.I
		}
	}
	shape := b.shapes[softmax.Input[0]]
	axis = b.axis(softmax.Input[0], axis)
	return len(shape) > 1 && axis > 0 && shape[axis] == count(shape[1:])
}

// seed writes the loss, the sum over the batch of the cross entropy, and its
// derivative by the logits, softmax less one-hot label. The sum keeps each
// image's gradient independent of the size of the batch.
func (b *builder) seed(g *Gradient, logits string) error {
	batch, classes := int64(g.Batch), count(b.shapes[logits])/int64(g.Batch)
	if len(b.shapes[logits]) == 0 || b.shapes[logits][0] != batch {
		return fmt.Errorf("output %q must have a row for each of the %d images, has shape %v", logits, batch, b.shapes[logits])
	}
	if classes < 2 {
		return &UnsupportedError{Reason: fmt.Sprintf("output %q must have two classes or more, has %d", logits, classes)}
	}
	g.Classes = int(classes)
	z := b.cast(b.reshape(logits, []int64{batch, classes}), float32Type)
	g.Logits = z
	logp := b.unary("LogSoftmax", z, attribute{"axis", 1})
	onehot := b.oneHot(g.Labels, []int64{batch, classes})
	picked := b.op("ReduceSum", []string{b.mul(logp, onehot), b.ints(1)}, []int64{batch}, attribute{"keepdims", 0})
	b.rename(b.unary("Neg", picked), g.Loss)
	dz := b.sub(b.unary("Exp", logp), onehot)
	return b.add(logits, b.reshape(b.cast(dz, b.types[logits]), b.shapes[logits]))
}

// oneHot is 1 at the label of each row and 0 elsewhere.
func (b *builder) oneHot(labels string, shape []int64) string {
	b.shapes[labels], b.types[labels] = shape[:1], int64Type
	inputs := []string{labels, b.ints(shape[1]), b.constant(float32Tensor([]int64{2}, []float32{0, 1}))}
	return b.opTyped("OneHot", inputs, shape, float32Type, attribute{"axis", 1})
}
