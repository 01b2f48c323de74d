package autodiff

import (
	"fmt"

	"quba/internal/onnxpb"
)

// onlyFirstActive refuses a node of which another input than the first depends
// on the image.
func (b *builder) onlyFirstActive(n *node) error {
	for i, input := range n.Input {
		if i > 0 && b.active[input] {
			return fmt.Errorf("input %d (%q) must not depend on the image: only the first input can be differentiated", i, input)
		}
	}
	return nil
}

// constantOf is the value of an input that must be constant.
func (b *builder) constantOf(input, what string) (*tensor, error) {
	if t, ok := b.constants[input]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("%s (%q) must be constant, are computed from the image", what, input)
}

// constantInts are the whole numbers of an input that must be constant.
func (b *builder) constantInts(input, what string) ([]int64, error) {
	t, err := b.constantOf(input, what)
	if err != nil {
		return nil, err
	}
	v, err := t.int64s()
	if err != nil {
		return nil, fmt.Errorf("%s (%q) %w", what, input, err)
	}
	return v, nil
}

// constantFloats are the n numbers of an optional input that must be constant;
// nil where it is absent or empty.
func (b *builder) constantFloats(input, what string, n int) ([]float32, error) {
	if input == "" {
		return nil, nil
	}
	t, err := b.constantOf(input, what)
	if err != nil || len(t.data) == 0 {
		return nil, err
	}
	if t.kind != float32Type || count(t.shape) != int64(n) {
		return nil, fmt.Errorf("%s (%q) must be %d numbers of float32, are %d of %s", what, input, n, count(t.shape), onnxpb.TensorProto_DataType(t.kind))
	}
	return t.float32s(), nil
}
