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
				Limits: OnnxProbe{Timeout: time.Minute, MemoryMB: 4096, Remember: true},
			},
		}, newStylize)
}

type stylizeConfig struct {
	Method  string        `koanf:"method" jsonschema_description:"fourier: the style's low-frequency amplitudes; color_stats: its mean and deviation in Lab; histogram: its histogram, channel by channel; onnx: what a style-transfer network makes of the content and, where it takes one, of the style."`
	Styles  string        `koanf:"styles" path:"dir" env:"true" jsonschema_description:"Folder of style images, with all folders in it; needed by all methods, but not by onnx networks that take no style image."`
	Cues    string        `koanf:"cues" jsonschema:"enum=none,enum=folders,enum=categories16,enum=index,enum=imagenet" jsonschema_description:"What the folders in styles say of the texture, for cue-conflict sets: none; folders: classes in bytewise order of the folders; categories16: they are named by the 16 categories of model-vs-human; index: they are named by class indexes; imagenet: they are named by wnids, and follow the decision of the stages before. The source's labels must be of the same kind; styles of the image's own class are not used."`
	Beta    float64       `koanf:"beta" jsonschema:"minimum=0,maximum=0.5" jsonschema_description:"fourier: the frequencies taken from the style reach to this many cycles per pixel of the shorter side."`
	Network networkConfig `koanf:"network" jsonschema_description:"onnx: the network, with one input, the content, or two, content and style; both are scaled alike, and the output is read on that scale."`

	ContentInput string `koanf:"content_input" jsonschema_description:"onnx: the network's input for the content, where the names of the inputs do not tell."`
	StyleInput   string `koanf:"style_input" jsonschema_description:"onnx: the network's input for the style image, where the names of the inputs do not tell."`
	StyleSize    int    `koanf:"style_size" jsonschema:"minimum=0,maximum=4096" jsonschema_description:"onnx: side of the square that style images are resized to (bilinear), where the graph leaves it free; 0 is network.size."`
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
	for _, field := range c.styleInputFields() {
		problems = append(problems, registry.Fieldf(field, "has no effect with method: %s", c.Method))
	}
	return errors.Join(problems...)
}

func (c *stylizeConfig) validateNetwork() error {
	problems := []error{c.Network.validate("network")}
	if c.Network.Path == "" {
		problems = append(problems, registry.Fieldf("network.path", "must be given with method: onnx"))
	}
	if c.Styles == "" && c.Cues != noCues {
		problems = append(problems, registry.Fieldf("styles", "must be given with cues: %s", c.Cues))
	}
	if c.Styles == "" {
		for _, field := range c.styleInputFields() {
			problems = append(problems, registry.Fieldf(field, "has no effect without styles"))
		}
	}
	if c.ContentInput != "" && c.ContentInput == c.StyleInput {
		problems = append(problems, registry.Fieldf("style_input", "must not be the content_input, %s", c.StyleInput))
	}
	return errors.Join(problems...)
}

// styleInputFields are the options in use that only networks with a style image
// have.
func (c *stylizeConfig) styleInputFields() []string {
	var fields []string
	if c.ContentInput != "" {
		fields = append(fields, "content_input")
	}
	if c.StyleInput != "" {
		fields = append(fields, "style_input")
	}
	if c.StyleSize != 0 {
		fields = append(fields, "style_size")
	}
	return fields
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
	styles  *styleFolder  // nil for a network with a style of its own
	network *imageNetwork // of method onnx
	facts   []pipeline.Fact
}

var (
	_ pipeline.Stage      = (*stylize)(nil)
	_ pipeline.Opener     = (*stylize)(nil)
	_ pipeline.Factual    = (*stylize)(nil)
	_ pipeline.Multiplier = (*stylize)(nil)
)

func newStylize(c stylizeConfig) (pipeline.Stage, error) { return &stylize{config: c}, nil }

// Open lists the style images and loads the network.
func (t *stylize) Open(ctx context.Context, run *pipeline.Run) error {
	if t.config.Styles != "" {
		styles, err := listStyles(ctx, t.config.Styles, t.config.Cues)
		if err != nil {
			return err
		}
		t.styles, t.facts = styles, []pipeline.Fact{styles.fact}
	}
	if t.config.Method != onnxMethod {
		return nil
	}
	network, err := openStyleNetwork(ctx, run, &t.config)
	if err != nil {
		return err
	}
	t.network, t.facts = network, append(t.facts, network.facts("network")...)
	return nil
}

// Facts identify the style images and the network.
func (t *stylize) Facts() []pipeline.Fact { return t.facts }

// Close frees the network.
func (t *stylize) Close() error { return t.network.close() }

func (t *stylize) Apply(ctx context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	if t.styles == nil && t.network == nil {
		return nil, errors.New("stylize must be opened before it is applied")
	}
	style, file, err := t.styleFor(s)
	if err != nil {
		return nil, err
	}
	image, err := t.paint(ctx, s.Image, style)
	if err != nil {
		return nil, err
	}
	s = s.With(image, s.Variant.Then("stylize_"+t.config.Method, 0))
	if t.config.Cues != noCues {
		s.Cue, s.CueID = file.classFor(s), file.path
	}
	return []pipeline.Sample{s}, nil
}

// styleFor reads the style image of a sample; it is nil for a network with a
// style of its own.
func (t *stylize) styleFor(s pipeline.Sample) (*imaging.Image, styleFile, error) {
	if t.styles == nil {
		return nil, styleFile{}, nil
	}
	file, err := t.styles.pick(s)
	if err != nil {
		return nil, file, err
	}
	style, err := t.styles.read(file)
	if err != nil {
		return nil, file, fmt.Errorf("style image: %w", err)
	}
	return style, file, nil
}

func (t *stylize) paint(ctx context.Context, content, style *imaging.Image) (*imaging.Image, error) {
	if t.network != nil {
		return stylizeNetwork(ctx, t.network, content, style)
	}
	if style.W != content.W || style.H != content.H {
		style = imaging.Resize(style, content.W, content.H, imaging.Bilinear)
	}
	return stylizers[t.config.Method](content, style, t.config), nil
}

// Variants is one.
func (t *stylize) Variants() int { return 1 }
