package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"quba/internal/onnxfile"
)

// Runner is one worker's place in a session: it owns input and output tensors
// of fixed shape, which live as long as it does, because onnxruntime keeps
// pointers into them. It is not safe for concurrent use; make one for
// each goroutine.
type Runner struct {
	session *Session
	options *onnxruntime.RunOptions
	inputs  buffers
	output  buffer
	floats  []float32 // the output, converted when it is float16
}

// NewRunner makes a runner for inputs, in the order of Options.Inputs, and an
// output of these layouts.
func (s *Session) NewRunner(inputs []Tensor, output Tensor) (*Runner, error) {
	r := &Runner{session: s}
	err := r.allocate(inputs, output)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Runner) allocate(inputs []Tensor, output Tensor) (err error) {
	if r.options, err = onnxruntime.NewRunOptions(); err != nil {
		return err
	}
	if r.inputs, err = r.session.newInputs(inputs); err != nil {
		return err
	}
	if output.Type == onnxfile.Uint8 {
		return errors.New("output: must be float32 or float16, is uint8")
	}
	if r.output, err = newBuffer(output); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	r.floats = r.output.Float32
	if output.Type == onnxfile.Float16 {
		r.floats = make([]float32, output.Len())
	}
	return nil
}

// Input returns the elements of the i-th input, to be written before Run.
func (r *Runner) Input(i int) Elements { return r.inputs[i].Elements }

// Run computes the output. It ends early when ctx is done, with its error.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.session.run(ctx, r.inputs.values(), &r.output.value, r.options); err != nil {
		return err
	}
	runtime.KeepAlive(r)
	for i, bits := range r.output.Float16 {
		r.floats[i] = onnxfile.HalfToFloat32(bits)
	}
	return nil
}

// Output returns the output of the last Run. The next one overwrites it.
func (r *Runner) Output() []float32 { return r.floats }

// Close frees the tensors.
func (r *Runner) Close() error {
	err := errors.Join(r.inputs.destroy(), r.output.destroy())
	if r.options != nil {
		err = errors.Join(err, r.options.Destroy())
	}
	r.inputs, r.output, r.options = nil, buffer{}, nil
	return err
}

// Elements are the elements of a tensor; the slice of its type is set, the
// others are nil. Float16 holds the bits of half-precision numbers.
type Elements struct {
	Float32 []float32
	Float16 []uint16
	Uint8   []uint8
}

// buffer is a tensor with the Go memory that backs it.
type buffer struct {
	Elements
	value onnxruntime.Value
}

func newBuffer(t Tensor) (buffer, error) {
	shape := onnxruntime.NewShape(t.Shape...)
	if err := shape.Validate(); err != nil {
		return buffer{}, err
	}
	var b buffer
	var err error
	switch t.Type {
	case onnxfile.Float32:
		b.Float32 = make([]float32, t.Len())
		b.value, err = onnxruntime.NewTensor(shape, b.Float32)
	case onnxfile.Uint8:
		b.Uint8 = make([]uint8, t.Len())
		b.value, err = onnxruntime.NewTensor(shape, b.Uint8)
	case onnxfile.Float16:
		b.Float16 = make([]uint16, t.Len())
		bytes := unsafe.Slice((*byte)(unsafe.Pointer(&b.Float16[0])), 2*len(b.Float16))
		b.value, err = onnxruntime.NewCustomDataTensor(shape, bytes, onnxruntime.TensorElementDataTypeFloat16)
	default:
		return buffer{}, fmt.Errorf("must be float32, float16 or uint8, is %s", t.Type)
	}
	if err != nil {
		return buffer{}, err
	}
	return b, nil
}

// destroy frees the tensor; a zero buffer has none.
func (b buffer) destroy() error {
	if b.value == nil {
		return nil
	}
	return b.value.Destroy()
}

// buffers are the inputs of a session, in the order of Options.Inputs.
type buffers []buffer

func (s *Session) newInputs(tensors []Tensor) (buffers, error) {
	if len(tensors) != len(s.inputs) {
		return nil, fmt.Errorf("there must be a tensor for each of the inputs %q, got %d", s.inputs, len(tensors))
	}
	made := make(buffers, len(tensors))
	for i, t := range tensors {
		var err error
		if made[i], err = newBuffer(t); err != nil {
			return nil, errors.Join(fmt.Errorf("input %q: %w", s.inputs[i], err), made.destroy())
		}
	}
	return made, nil
}

func (b buffers) values() []onnxruntime.Value {
	values := make([]onnxruntime.Value, len(b))
	for i := range b {
		values[i] = b[i].value
	}
	return values
}

func (b buffers) destroy() (err error) {
	for i := range b {
		err = errors.Join(err, b[i].destroy())
	}
	return err
}

// runAllocating runs once with an output whose shape onnxruntime decides. It
// serves float32 outputs: onnxruntime_go cannot allocate float16 ones.
func (s *Session) runAllocating(ctx context.Context, inputs buffers) (values []float32, shape []int64, err error) {
	options, err := onnxruntime.NewRunOptions()
	if err != nil {
		return nil, nil, err
	}
	defer options.Destroy()
	var output onnxruntime.Value
	if err := s.run(ctx, inputs.values(), &output, options); err != nil {
		return nil, nil, err
	}
	runtime.KeepAlive(inputs)
	defer output.Destroy()
	tensor, ok := output.(*onnxruntime.Tensor[float32])
	if !ok {
		return nil, nil, fmt.Errorf("the output must be a float32 or float16 tensor, is %T", output)
	}
	return append([]float32(nil), tensor.GetData()...), tensor.GetShape(), nil
}
