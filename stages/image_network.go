package stages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
	"quba/internal/ort"
	"quba/pipeline"
	"quba/pipeline/registry"
)

// networkConfig are the options of an ONNX network that a stage runs on
// images: float32 inputs [1, 3, height, width] or [1, height, width, 3], and a
// float32 output with a picture in the layout of the first input.
type networkConfig struct {
	Path   string     `koanf:"path" path:"file" env:"true" jsonschema_description:"The .onnx file; its images are [1, 3, height, width] or [1, height, width, 3], and of several outputs the first is used."`
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
	config   networkConfig
	file     *onnxfile.File
	external []onnxfile.ExternalHash
	inputs   []imageInput
	output   ort.Tensor
	session  *ort.Session

	mu   sync.Mutex
	idle []*networkLane
}

// networkLane is one goroutine's way through a network.
type networkLane struct {
	runner  *ort.Runner
	packers []packer // of the inputs
}

// picture is a network's output: channels planes of h rows of w numbers.
type picture struct {
	channels, w, h int
	v              []float32
}

// openNetwork probes a network in a child process, then loads it. choose says
// which of its inputs takes which image, for all of them, in the order in which
// apply is given the images.
func openNetwork(ctx context.Context, run *pipeline.Run, c networkConfig, choose func(*onnxfile.File) ([]imageInput, error)) (*imageNetwork, error) {
	n, err := readNetwork(c)
	if err != nil {
		return nil, err
	}
	if n.inputs, err = choose(n.file); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	_, library, err := ort.Initialize(run.Library)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pipeline.ErrRuntime, err)
	}
	spec := n.probeSpec(library)
	result, err := tryModel(ctx, spec, c.Limits.Remember, n.file, n.external)
	if err != nil {
		return nil, advise(err)
	}
	if len(result.Shape) != 4 || result.Shape[0] != 1 {
		return nil, fmt.Errorf("%s: the output must be a picture, with the dimensions of the input, has the shape %v", c.Path, result.Shape)
	}
	n.output = ort.Tensor{Type: onnxfile.Float32, Shape: result.Shape}
	if n.session, err = ort.Open(c.Path, spec.Options); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return n, nil
}

// readNetwork reads and hashes what a network is made of.
func readNetwork(c networkConfig) (*imageNetwork, error) {
	file, err := onnxfile.Read(c.Path)
	if err != nil {
		return nil, err
	}
	if err := file.CheckExternalData(); err != nil {
		return nil, err
	}
	external, err := file.HashExternalData()
	if err != nil {
		return nil, err
	}
	if len(file.Outputs) == 0 || file.Outputs[0].Type != onnxfile.Float32 {
		return nil, fmt.Errorf("%s: the first output must be float32", c.Path)
	}
	return &imageNetwork{config: c, file: file, external: external}, nil
}

func (n *imageNetwork) probeSpec(library string) ort.ProbeSpec {
	spec := ort.ProbeSpec{
		Library: library, Model: n.config.Path,
		Options:     ort.Options{Output: n.file.Outputs[0].Name, Threads: 1},
		Output:      ort.Tensor{Type: onnxfile.Float32},
		MemoryBytes: uint64(n.config.Limits.MemoryMB) << 20, Timeout: n.config.Limits.Timeout,
	}
	for _, in := range n.inputs {
		images := ort.ProbeInput{Tensor: in.tensor, ChannelsLast: in.channelsLast}
		for channel := range 3 {
			images.Low[channel], images.High[channel] = n.value(channel, 0), n.value(channel, 255)
		}
		spec.Options.Inputs = append(spec.Options.Inputs, in.name)
		spec.Inputs = append(spec.Inputs, images)
	}
	return spec
}

// value is what the network gets for a level of a channel.
func (n *imageNetwork) value(channel int, level float64) float32 {
	c := &n.config
	return float32((level*c.factor() - c.Mean[channel]) / c.Std[channel])
}

// apply runs the network on one image for each of its inputs, resized to what
// the input takes.
func (n *imageNetwork) apply(ctx context.Context, images ...*imaging.Image) (picture, error) {
	lane, err := n.borrow()
	if err != nil {
		return picture{}, err
	}
	defer n.giveBack(lane)
	for i := range n.inputs {
		m := images[i]
		if w, h := n.inputs[i].size(); m.W != w || m.H != h {
			m = imaging.Resize(m, w, h, imaging.Bilinear)
		}
		lane.packers[i].pack(0, m.Pix)
	}
	if err := lane.runner.Run(ctx); err != nil {
		return picture{}, fmt.Errorf("%s: %w", n.config.Path, err)
	}
	return n.read(lane.runner.Output()), nil
}

// read makes planes of an output that is laid out as the first input.
func (n *imageNetwork) read(output []float32) picture {
	p := n.blank()
	if !n.inputs[0].channelsLast {
		p.v = slices.Clone(output)
		return p
	}
	p.v = make([]float32, len(output))
	for i, v := range output {
		p.v[i%p.channels*p.w*p.h+i/p.channels] = v
	}
	return p
}

// blank is the size of the network's pictures.
func (n *imageNetwork) blank() picture {
	shape := n.output.Shape
	if n.inputs[0].channelsLast {
		return picture{h: int(shape[1]), w: int(shape[2]), channels: int(shape[3])}
	}
	return picture{channels: int(shape[1]), h: int(shape[2]), w: int(shape[3])}
}

func (n *imageNetwork) borrow() (*networkLane, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.idle) - 1; last >= 0 {
		lane := n.idle[last]
		n.idle = n.idle[:last]
		return lane, nil
	}
	return n.newLane()
}

func (n *imageNetwork) newLane() (*networkLane, error) {
	tensors := make([]ort.Tensor, len(n.inputs))
	for i, in := range n.inputs {
		tensors[i] = in.tensor
	}
	runner, err := n.session.NewRunner(tensors, n.output)
	if err != nil {
		return nil, err
	}
	lane := &networkLane{runner: runner}
	for i := range n.inputs {
		lane.packers = append(lane.packers, n.packer(&n.inputs[i], runner.Input(i).Float32))
	}
	return lane, nil
}

func (n *imageNetwork) packer(in *imageInput, dst []float32) packer {
	plane := len(dst) / 3
	t := &tables[float32]{dst: dst, offset: [3]int{0, plane, 2 * plane}, step: 1, size: len(dst)}
	if in.channelsLast {
		t.offset, t.step = [3]int{0, 1, 2}, 3
	}
	for channel := range t.values {
		for level := range t.values[channel] {
			t.values[channel][level] = n.value(channel, float64(level))
		}
	}
	return t
}

func (n *imageNetwork) giveBack(lane *networkLane) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = append(n.idle, lane)
}

// facts identify the files of the network.
func (n *imageNetwork) facts(name string) []pipeline.Fact {
	return append([]pipeline.Fact{{Name: name, Value: n.file.SHA256, Origin: "sha256"}}, externalFacts(name+" ", n.external)...)
}

// close frees the network; a nil one has nothing to free.
func (n *imageNetwork) close() error {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var err error
	for _, lane := range n.idle {
		err = errors.Join(err, lane.runner.Close())
	}
	n.idle = nil
	return errors.Join(err, n.session.Close())
}
