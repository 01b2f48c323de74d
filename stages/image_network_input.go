package stages

import (
	"fmt"

	"quba/internal/onnxfile"
	"quba/internal/ort"
)

// imageInput is an input of a network that takes one RGB image.
type imageInput struct {
	name         string
	tensor       ort.Tensor // [1, 3, height, width], or [1, height, width, 3]
	channelsLast bool
}

// newImageInput lays out an input. Sides that the graph leaves free get size
// pixels, and an input without a shape has its channels first.
func newImageInput(v onnxfile.Value, size int) (imageInput, error) {
	if v.Type != onnxfile.Float32 {
		return imageInput{}, fmt.Errorf("input %q must be float32, is %s", v.Name, v.Type)
	}
	side := int64(size)
	in := imageInput{name: v.Name, channelsLast: endsInChannels(v.Dims)}
	shape := []int64{1, 3, side, side}
	if in.channelsLast {
		shape = []int64{1, side, side, 3}
	}
	in.tensor = ort.Tensor{Type: onnxfile.Float32, Shape: shape}
	if v.Dims == nil {
		return in, nil
	}
	for i, d := range v.Dims {
		isSide := i == in.heightAxis() || i == in.heightAxis()+1
		if len(v.Dims) != len(shape) || d.Fixed() && !isSide && d.Size != shape[i] {
			return in, fmt.Errorf("input %q must be an image, [1, 3, height, width] or [1, height, width, 3], is %v", v.Name, v.Dims)
		}
		if d.Fixed() {
			shape[i] = d.Size
		}
	}
	return in, nil
}

func endsInChannels(dims []onnxfile.Dim) bool {
	return len(dims) == 4 && dims[3].Size == 3 && dims[1].Size != 3
}

// heightAxis is the dimension of the height; the width comes next.
func (in *imageInput) heightAxis() int {
	if in.channelsLast {
		return 1
	}
	return 2
}

func (in *imageInput) size() (w, h int) {
	at := in.heightAxis()
	return int(in.tensor.Shape[at+1]), int(in.tensor.Shape[at])
}

// soleInput is the input of a network that takes nothing but one image.
func soleInput(file *onnxfile.File, size int) ([]imageInput, error) {
	if len(file.Inputs) != 1 {
		return nil, fmt.Errorf("must have one input, an image, has %d", len(file.Inputs))
	}
	in, err := newImageInput(file.Inputs[0], size)
	return []imageInput{in}, err
}
