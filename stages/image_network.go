package stages

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
	"quba/internal/ort"
	"quba/pipeline"
	"quba/pipeline/registry"
)

// networkConfig are the options of an ONNX network that a stage runs on
// images: one float32 input [1, 3, height, width] and a float32 output with a
// picture.
type networkConfig struct {
	Path   string     `koanf:"path" path:"file" env:"true" jsonschema_description:"The .onnx file, with one input [1, 3, height, width]; of several outputs the first is used."`
	Size   int        `koanf:"size" jsonschema:"minimum=1,maximum=4096" jsonschema_description:"Side of the square that images are resized to (bilinear), where the graph leaves it free."`
	Scale  string     `koanf:"scale" jsonschema:"enum=1/255,enum=none" jsonschema_description:"What pixel values are multiplied with before mean and std."`
	Mean   [3]float64 `koanf:"mean" jsonschema_description:"Mean of red, green and blue, after the scale."`
	Std    [3]float64 `koanf:"std" jsonschema:"exclusiveMinimum=0" jsonschema_description:"Standard deviation of red, green and blue, after the scale."`
	Limits OnnxProbe  `koanf:"probe" jsonschema_description:"The trial run in a child process before the network is loaded."`
}

func (c *networkConfig) validate(field string) error {
	if c.Path != "" && c.Limits.Timeout <= 0 {
		return registry.Fieldf(field+".probe.timeout", "must be more than 0s, got %s", c.Limits.Timeout)
	}
	return nil
}

// factor is what pixel values are multiplied with.
func (c *networkConfig) factor() float64 {
	if c.Scale == "1/255" {
		return 1.0 / 255
	}
	return 1
}

// imageNetwork is a loaded network. It is safe for concurrent use.
type imageNetwork struct {
	config        networkConfig
	input, output ort.Tensor
	session       *ort.Session

	mu   sync.Mutex
	idle []*ort.Runner
}

// picture is a network's output: channels planes of h rows of w numbers.
type picture struct {
	channels, w, h int
	v              []float32
}

// openNetwork probes a network in a child process, then loads it.
func openNetwork(ctx context.Context, run *pipeline.Run, c networkConfig) (*imageNetwork, error) {
	file, err := onnxfile.Read(c.Path)
	if err != nil {
		return nil, err
	}
	if err := file.CheckExternalData(); err != nil {
		return nil, err
	}
	n := &imageNetwork{config: c}
	if n.input, err = networkInput(file, c.Size); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	_, library, err := ort.Initialize(run.Library)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pipeline.ErrRuntime, err)
	}
	options := ort.Options{Input: file.Inputs[0].Name, Output: file.Outputs[0].Name, Threads: 1}
	result, err := ort.Probe(ctx, n.probeSpec(library, options))
	if err != nil {
		return nil, advise(err)
	}
	if len(result.Shape) != 4 || result.Shape[0] != 1 {
		return nil, fmt.Errorf("%s: the output must be a picture [1, channels, height, width], has the shape %v", c.Path, result.Shape)
	}
	n.output = ort.Tensor{Type: onnxfile.Float32, Shape: result.Shape}
	if n.session, err = ort.Open(c.Path, options); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return n, nil
}

// networkInput is the layout of the input, with free sizes filled in.
func networkInput(file *onnxfile.File, size int) (ort.Tensor, error) {
	if len(file.Inputs) != 1 || len(file.Outputs) == 0 {
		return ort.Tensor{}, fmt.Errorf("must have one input and an output, has %d and %d; networks that take the style as a second input are not supported", len(file.Inputs), len(file.Outputs))
	}
	in, out := file.Inputs[0], file.Outputs[0]
	if in.Type != onnxfile.Float32 || out.Type != onnxfile.Float32 {
		return ort.Tensor{}, fmt.Errorf("input and output must be float32, are %s and %s", in.Type, out.Type)
	}
	shape := []int64{1, 3, int64(size), int64(size)}
	if in.Dims != nil && len(in.Dims) != len(shape) {
		return ort.Tensor{}, fmt.Errorf("the input must be [1, 3, height, width], has %d dimensions", len(in.Dims))
	}
	for i, d := range in.Dims {
		switch {
		case !d.Fixed():
		case i >= 2:
			shape[i] = d.Size
		case d.Size != shape[i]:
			return ort.Tensor{}, fmt.Errorf("the input must be [1, 3, height, width], is %v", in.Dims)
		}
	}
	return ort.Tensor{Type: onnxfile.Float32, Shape: shape}, nil
}

func (n *imageNetwork) probeSpec(library string, options ort.Options) ort.ProbeSpec {
	spec := ort.ProbeSpec{
		Library: library, Model: n.config.Path, Options: options, Input: n.input,
		Output:      ort.Tensor{Type: onnxfile.Float32},
		MemoryBytes: uint64(n.config.Limits.MemoryMB) << 20, Timeout: n.config.Limits.Timeout,
	}
	for channel := range 3 {
		spec.Low[channel], spec.High[channel] = n.value(channel, 0), n.value(channel, 255)
	}
	return spec
}

// value is what the network gets for a level of a channel.
func (n *imageNetwork) value(channel int, level float64) float32 {
	c := &n.config
	return float32((level*c.factor() - c.Mean[channel]) / c.Std[channel])
}

// apply runs the network on an image, resized to its input.
func (n *imageNetwork) apply(ctx context.Context, m *imaging.Image) (picture, error) {
	r, err := n.borrow()
	if err != nil {
		return picture{}, err
	}
	defer n.giveBack(r)
	h, w := int(n.input.Shape[2]), int(n.input.Shape[3])
	if m.W != w || m.H != h {
		m = imaging.Resize(m, w, h, imaging.Bilinear)
	}
	into := r.Input().Float32
	for c := range 3 {
		var table [256]float32
		for level := range table {
			table[level] = n.value(c, float64(level))
		}
		for i := range w * h {
			into[c*w*h+i] = table[m.Pix[3*i+c]]
		}
	}
	if err := r.Run(ctx); err != nil {
		return picture{}, fmt.Errorf("%s: %w", n.config.Path, err)
	}
	shape := n.output.Shape
	return picture{
		channels: int(shape[1]), h: int(shape[2]), w: int(shape[3]),
		v: append([]float32(nil), r.Output()...),
	}, nil
}

func (n *imageNetwork) borrow() (*ort.Runner, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.idle) - 1; last >= 0 {
		r := n.idle[last]
		n.idle = n.idle[:last]
		return r, nil
	}
	return n.session.NewRunner(n.input, n.output)
}

func (n *imageNetwork) giveBack(r *ort.Runner) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = append(n.idle, r)
}

// close frees the network; a nil one has nothing to free.
func (n *imageNetwork) close() error {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var err error
	for _, r := range n.idle {
		err = errors.Join(err, r.Close())
	}
	n.idle = nil
	return errors.Join(err, n.session.Close())
}
