package stages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "stylize", "The look of a style image, picked at random for each image, on its content.",
		stylizeConfig{
			Method: "fourier", Beta: 0.05, Cues: noCues,
			Network: networkConfig{
				Size: 224, Scale: "none", Std: [3]float64{1, 1, 1},
				Limits: OnnxProbe{Timeout: time.Minute, MemoryMB: 4096},
			},
		}, newStylize)
}

type stylizeConfig struct {
	Method  string        `koanf:"method" jsonschema_description:"fourier: the style's low-frequency amplitudes; color_stats: its mean and deviation in Lab; histogram: its histogram, channel by channel; onnx: what a style-transfer network makes of the content."`
	Styles  string        `koanf:"styles" path:"dir" env:"true" jsonschema_description:"Folder of style images, with all folders in it; needed by all methods but onnx."`
	Cues    string        `koanf:"cues" jsonschema:"enum=none,enum=folders,enum=categories16,enum=index" jsonschema_description:"What the folders in styles say of the texture, for cue-conflict sets: none; folders: classes in bytewise order of the folders; categories16: they are named by the 16 categories of model-vs-human; index: they are named by class indexes. The source's labels must be of the same kind; styles of the image's own class are not used."`
	Beta    float64       `koanf:"beta" jsonschema:"minimum=0,maximum=0.5" jsonschema_description:"fourier: the frequencies taken from the style reach to this many cycles per pixel of the shorter side."`
	Network networkConfig `koanf:"network" jsonschema_description:"onnx: the network; its output is read on the scale of its input."`
}

// Validate checks what tags cannot say.
func (c *stylizeConfig) Validate() error {
	known := append(slices.Sorted(maps.Keys(stylizers)), onnxMethod)
	if !slices.Contains(known, c.Method) {
		return &registry.FieldError{Field: "method", Err: registry.Unknown("method", c.Method, known)}
	}
	if c.Method == onnxMethod {
		return c.validateNetwork()
	}
	var problems []error
	if c.Styles == "" {
		problems = append(problems, registry.Fieldf("styles", "must be given with method: %s", c.Method))
	}
	if c.Network.Path != "" {
		problems = append(problems, registry.Fieldf("network.path", "has no effect with method: %s; write method: onnx", c.Method))
	}
	return errors.Join(problems...)
}

func (c *stylizeConfig) validateNetwork() error {
	problems := []error{c.Network.validate("network")}
	if c.Network.Path == "" {
		problems = append(problems, registry.Fieldf("network.path", "must be given with method: onnx"))
	}
	if c.Styles != "" || c.Cues != noCues {
		problems = append(problems, registry.Fieldf("styles", "has no effect with method: onnx, nor has cues; the network has its own style"))
	}
	return errors.Join(problems...)
}

// stylizer gives the content with the look of a style of the same size. It
// writes to neither.
type stylizer func(content, style *imaging.Image, c stylizeConfig) *imaging.Image

var stylizers = map[string]stylizer{}

// registerStylizer adds a method of stylize; each file calls it from init.
func registerStylizer(method string, f stylizer) {
	if _, taken := stylizers[method]; taken {
		panic("stages: stylize method " + method + " is registered twice")
	}
	stylizers[method] = f
}

// stylize hosts the methods. The content's class stays the label; the style's
// class becomes the cue.
type stylize struct {
	config  stylizeConfig
	styles  *styleFolder
	network *imageNetwork // of method onnx, which has no styles
}

var (
	_ pipeline.Stage      = (*stylize)(nil)
	_ pipeline.Opener     = (*stylize)(nil)
	_ pipeline.Multiplier = (*stylize)(nil)
)

func newStylize(c stylizeConfig) (pipeline.Stage, error) { return &stylize{config: c}, nil }

// Open lists the style images, or loads the network.
func (t *stylize) Open(ctx context.Context, run *pipeline.Run) (err error) {
	if t.config.Method == onnxMethod {
		t.network, err = openNetwork(ctx, run, t.config.Network)
		return err
	}
	t.styles, err = listStyles(ctx, t.config.Styles, t.config.Cues)
	return err
}

// Close frees the network.
func (t *stylize) Close() error { return t.network.close() }

func (t *stylize) Apply(ctx context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	image, cue, err := t.paint(ctx, s)
	if err != nil {
		return nil, err
	}
	s = s.With(image, s.Variant.Then("stylize_"+t.config.Method, 0))
	s.Cue = cue
	return []pipeline.Sample{s}, nil
}

// paint gives the image and the class of its style, or the cue it had.
func (t *stylize) paint(ctx context.Context, s pipeline.Sample) (*imaging.Image, int32, error) {
	if t.network != nil {
		image, err := stylizeNetwork(ctx, t.network, s.Image)
		return image, s.Cue, err
	}
	if t.styles == nil {
		return nil, 0, errors.New("stylize must be opened before it is applied")
	}
	picked, err := t.styles.pick(s)
	if err != nil {
		return nil, 0, err
	}
	style, err := t.styles.read(picked)
	if err != nil {
		return nil, 0, fmt.Errorf("style image: %w", err)
	}
	if style.W != s.Image.W || style.H != s.Image.H {
		style = imaging.Resize(style, s.Image.W, s.Image.H, imaging.Bilinear)
	}
	cue := s.Cue
	if t.config.Cues != noCues {
		cue = picked.class
	}
	return stylizers[t.config.Method](s.Image, style, t.config), cue, nil
}

// Variants is one.
func (t *stylize) Variants() int { return 1 }
