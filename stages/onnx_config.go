package stages

import (
	"errors"
	"maps"
	"time"

	"quba/internal/imaging"
	"quba/internal/modelcard"
	"quba/pipeline/registry"
)

// OnnxConfig are the options of an ONNX classifier. What is left out comes
// from the files beside the model; see modelcard.Resolve.
type OnnxConfig struct {
	Path       string            `koanf:"path" path:"file" env:"true" jsonschema:"required" jsonschema_description:"The .onnx file."`
	Batch      int               `koanf:"batch" jsonschema:"minimum=1,maximum=1024" jsonschema_description:"Images in one run of the network, where the graph leaves it free; it changes the speed, and results in the last bits."`
	Output     string            `koanf:"output" jsonschema:"enum=auto,enum=logits,enum=probabilities" jsonschema_description:"What the outputs are; auto lets a probe find out."`
	OutputName string            `koanf:"output_name" jsonschema_description:"Name of the output that gives the classes, where the graph has several."`
	ClassOrder string            `koanf:"class_order" jsonschema:"enum=imagenet,enum=imagenet_background,enum=none" jsonschema_description:"imagenet: the 1000 wnids, sorted; imagenet_background: a background class before them; none: labels are indexes of the outputs."`
	Params     *int64            `koanf:"params" jsonschema:"minimum=0" jsonschema_description:"Number of trainable parameters."`
	Labels     map[string]string `koanf:"labels" jsonschema_description:"Further properties of the model, for grouping, such as training: supervised."`
	Input      OnnxInput         `koanf:"input" jsonschema_description:"The network's input."`
	Preprocess OnnxPreprocess    `koanf:"preprocess" jsonschema_description:"From an image to the network's input."`
	Probe      OnnxProbe         `koanf:"probe" jsonschema_description:"The trial run in a child process before the model is loaded."`
}

// OnnxInput describes the network's input.
type OnnxInput struct {
	Name   string `koanf:"name" jsonschema_description:"Name of the input."`
	Layout string `koanf:"layout" jsonschema:"enum=NCHW,enum=NHWC" jsonschema_description:"Order of its dimensions."`
	Color  string `koanf:"color" jsonschema:"enum=RGB,enum=BGR" jsonschema_description:"Order of its channels."`
	DType  string `koanf:"dtype" jsonschema:"enum=float32,enum=float16,enum=uint8" jsonschema_description:"Type of its elements."`
}

// OnnxPreprocess describes how an image becomes the network's input.
type OnnxPreprocess struct {
	ResizeShorterSide *int        `koanf:"resize_shorter_side" jsonschema:"minimum=1,maximum=16384" jsonschema_description:"Length of the shorter side after the resize."`
	ResizeLongerSide  *int        `koanf:"resize_longer_side" jsonschema:"minimum=1,maximum=16384" jsonschema_description:"Length of the longer side after the resize."`
	ResizeExact       *int        `koanf:"resize_exact" jsonschema:"minimum=1,maximum=16384" jsonschema_description:"Side of the square that images are resized to, whatever their aspect."`
	NoResize          bool        `koanf:"no_resize" jsonschema_description:"Images are not resized."`
	CenterCrop        *int        `koanf:"center_crop" jsonschema:"minimum=1,maximum=16384" jsonschema_description:"Side of the square that is cut out after the resize."`
	NoCrop            bool        `koanf:"no_crop" jsonschema_description:"Images are not cropped."`
	PadColor          *[3]uint8   `koanf:"pad_color" jsonschema_description:"Red, green and blue around images that are smaller than the crop."`
	Interpolation     string      `koanf:"interpolation" jsonschema:"enum=nearest,enum=box,enum=bilinear,enum=hamming,enum=bicubic,enum=lanczos" jsonschema_description:"Filter of the resize, as in Pillow."`
	Scale             string      `koanf:"scale" jsonschema:"enum=1/255,enum=none" jsonschema_description:"What pixel values are multiplied with before mean and std."`
	Mean              *[3]float64 `koanf:"mean" jsonschema_description:"Mean of red, green and blue, after the scale."`
	Std               *[3]float64 `koanf:"std" jsonschema:"exclusiveMinimum=0" jsonschema_description:"Standard deviation of red, green and blue, after the scale."`
}

// OnnxProbe limits the trial run.
type OnnxProbe struct {
	Timeout  time.Duration `koanf:"timeout" jsonschema_description:"How long the trial may take."`
	MemoryMB int           `koanf:"memory_mb" jsonschema:"minimum=64,maximum=1048576" jsonschema_description:"Memory that the trial may allocate, on Linux, in MiB."`
	Remember bool          `koanf:"remember" jsonschema_description:"Whether a model that passed is not tried again on this machine; the results lie in quba/probes in the user's cache folder."`
}

// Validate checks what tags cannot say.
func (c *OnnxConfig) Validate() error {
	p := c.Preprocess
	resizes := 0
	for _, given := range []bool{p.ResizeShorterSide != nil, p.ResizeLongerSide != nil, p.ResizeExact != nil, p.NoResize} {
		if given {
			resizes++
		}
	}
	var problems []error
	if resizes > 1 {
		problems = append(problems, registry.Fieldf("preprocess", "must have one of resize_shorter_side, resize_longer_side, resize_exact and no_resize, got %d", resizes))
	}
	if p.NoCrop && p.CenterCrop != nil {
		problems = append(problems, registry.Fieldf("preprocess.no_crop", "must not stand beside center_crop"))
	}
	if c.Probe.Timeout <= 0 {
		problems = append(problems, registry.Fieldf("probe.timeout", "must be more than 0s, got %s", c.Probe.Timeout))
	}
	return errors.Join(problems...)
}

// origin is the origin of what the config says.
const origin = "config"

// card is what the config says of the model.
func (c *OnnxConfig) card() (modelcard.Card, error) {
	card := modelcard.Card{Labels: maps.Clone(c.Labels)}
	fillWord(&card.Output, c.Output)
	fillWord(&card.OutputName, c.OutputName)
	fillWord(&card.ClassOrder, c.ClassOrder)
	fillValue(&card.Parameters, c.Params)
	fillWord(&card.InputName, c.Input.Name)
	fillWord(&card.Layout, c.Input.Layout)
	fillWord(&card.Color, c.Input.Color)
	if c.Input.DType != "" {
		t, err := modelcard.ParseInputType(c.Input.DType)
		if err != nil {
			return card, err
		}
		card.InputType = modelcard.From(t, origin)
	}
	return card, c.Preprocess.fill(&card)
}

func (p *OnnxPreprocess) fill(card *modelcard.Card) error {
	p.fillGeometry(card)
	fillValue(&card.PadColor, p.PadColor)
	fillValue(&card.Mean, p.Mean)
	fillValue(&card.Std, p.Std)
	switch p.Scale {
	case "1/255":
		card.Scale = modelcard.From(modelcard.PixelScale, origin)
	case "none":
		card.Scale = modelcard.From(1.0, origin)
	}
	if p.Interpolation == "" {
		return nil
	}
	filter, err := imaging.ParseFilter(p.Interpolation)
	card.Filter = modelcard.From(filter, origin)
	return err
}

func (p *OnnxPreprocess) fillGeometry(card *modelcard.Card) {
	switch {
	case p.ResizeShorterSide != nil:
		card.Resize = modelcard.From(modelcard.Resize{Mode: imaging.ResizeShorter, H: *p.ResizeShorterSide}, origin)
	case p.ResizeLongerSide != nil:
		card.Resize = modelcard.From(modelcard.Resize{Mode: imaging.ResizeLonger, H: *p.ResizeLongerSide}, origin)
	case p.ResizeExact != nil:
		card.Resize = modelcard.From(modelcard.Resize{Mode: imaging.ResizeExact, W: *p.ResizeExact, H: *p.ResizeExact}, origin)
	case p.NoResize:
		card.Resize = modelcard.From(modelcard.Resize{}, origin)
	}
	switch {
	case p.CenterCrop != nil:
		card.Crop = modelcard.From(modelcard.Size{W: *p.CenterCrop, H: *p.CenterCrop}, origin)
	case p.NoCrop:
		card.Crop = modelcard.From(modelcard.Size{}, origin)
	}
}

func fillWord[T ~string](field *modelcard.Field[T], word string) {
	if word != "" {
		*field = modelcard.From(T(word), origin)
	}
}

func fillValue[T any](field *modelcard.Field[T], value *T) {
	if value != nil {
		*field = modelcard.From(*value, origin)
	}
}
