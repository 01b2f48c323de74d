// Package modelcard finds out how a model is to be used: its preprocessing,
// the meaning of its outputs, and its number of parameters. Every value comes
// from a file or from the config, and carries where it came from; none is
// guessed.
package modelcard

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
)

// Field is a value with its origin, such as "config", "lite0.json" or
// "graph". The zero Field is unknown.
type Field[T any] struct {
	Value  T
	Origin string
}

// Known says whether the field has a value.
func (f Field[T]) Known() bool { return f.Origin != "" }

// From makes a known field.
func From[T any](value T, origin string) Field[T] { return Field[T]{Value: value, Origin: origin} }

// fill takes from where the field is unknown.
func (f *Field[T]) fill(from Field[T]) {
	if !f.Known() {
		*f = from
	}
}

// Resize is the first half of a geometric transform; see imaging.Transform.
type Resize struct {
	Mode imaging.ResizeMode
	W, H int
}

// Size is a width and a height.
type Size struct{ W, H int }

// Color is the order of the channels: RGB or BGR.
type Color string

const (
	RGB Color = "RGB"
	BGR Color = "BGR"
)

// Layout is the order of the input's dimensions.
type Layout string

const (
	NCHW Layout = "NCHW"
	NHWC Layout = "NHWC"
)

// Kind says what the outputs are.
type Kind string

const (
	Logits        Kind = "logits"
	Probabilities Kind = "probabilities"
	Auto          Kind = "auto" // the probe decides
)

// ClassOrder says which class an output index means.
type ClassOrder string

const (
	// ImageNet is the order of the 1000 wnids of ILSVRC2012, sorted.
	ImageNet ClassOrder = "imagenet"
	// ImageNetBackground is a background class before those 1000.
	ImageNetBackground ClassOrder = "imagenet_background"
	// AnyOrder makes no claim: labels are indexes of the outputs.
	AnyOrder ClassOrder = "none"
)

// PixelScale is the factor 1/255 that takes pixel values to [0, 1].
const PixelScale = 1.0 / 255

// Card says how a model is used. Means and standard deviations are in the
// order R, G, B whatever Color says, and apply after Scale.
type Card struct {
	Resize   Field[Resize]
	Crop     Field[Size] // the zero size is no crop
	Filter   Field[imaging.Filter]
	PadColor Field[[3]uint8]
	Scale    Field[float64]
	Mean     Field[[3]float64]
	Std      Field[[3]float64]
	Color    Field[Color]

	Layout    Field[Layout]
	InputName Field[string]
	InputType Field[onnxfile.ElementType]
	// InputSize is what the graph wants; unknown when it takes any size.
	InputSize Field[Size]
	// Batch is the batch size that the graph fixes; unknown when it is free.
	Batch Field[int]

	OutputName Field[string]
	OutputType Field[onnxfile.ElementType]
	Output     Field[Kind]
	ClassOrder Field[ClassOrder]
	// Classes is the width of the output, a background class included.
	Classes    Field[int]
	Parameters Field[int64]
	// Labels are further properties, for grouping.
	Labels map[string]string
}

// fill takes every field from another card that this one does not know.
func (c *Card) fill(from Card) {
	c.Resize.fill(from.Resize)
	c.Crop.fill(from.Crop)
	c.Filter.fill(from.Filter)
	c.PadColor.fill(from.PadColor)
	c.Scale.fill(from.Scale)
	c.Mean.fill(from.Mean)
	c.Std.fill(from.Std)
	c.Color.fill(from.Color)
	c.Layout.fill(from.Layout)
	c.InputName.fill(from.InputName)
	c.InputType.fill(from.InputType)
	c.InputSize.fill(from.InputSize)
	c.Batch.fill(from.Batch)
	c.OutputName.fill(from.OutputName)
	c.OutputType.fill(from.OutputType)
	c.Output.fill(from.Output)
	c.ClassOrder.fill(from.ClassOrder)
	c.Classes.fill(from.Classes)
	c.Parameters.fill(from.Parameters)
	labels := maps.Clone(from.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, c.Labels)
	c.Labels = labels
}

// Transform is the geometric half of the preprocessing. Settings without
// effect are left zero, so that equal transforms compare equal.
func (c Card) Transform() imaging.Transform {
	t := imaging.Transform{
		Mode:    c.Resize.Value.Mode,
		ResizeW: c.Resize.Value.W, ResizeH: c.Resize.Value.H,
		CropW: c.Crop.Value.W, CropH: c.Crop.Value.H,
	}
	if t.Mode != imaging.ResizeNone {
		t.Filter = c.Filter.Value
	}
	if t.CropW != 0 {
		t.PadColor = c.PadColor.Value
	}
	return t
}

// ImageSize is the size that Transform gives every image, the zero size when
// it depends on the image.
func (c Card) ImageSize() Size {
	switch {
	case c.Crop.Value != Size{}:
		return c.Crop.Value
	case c.Resize.Value.Mode == imaging.ResizeExact:
		return Size{c.Resize.Value.W, c.Resize.Value.H}
	case c.Resize.Value.Mode == imaging.ResizeNone:
		return c.InputSize.Value
	}
	return Size{}
}

// Fact is a setting in words.
type Fact struct{ Name, Value, Origin string }

// Facts lists what the card knows, for people.
func (c Card) Facts() []Fact {
	var facts []Fact
	add := func(name string, value any, origin string) {
		if origin != "" {
			facts = append(facts, Fact{name, fmt.Sprint(value), origin})
		}
	}
	add("resize", c.Resize.Value, c.Resize.Origin)
	add("crop", c.Crop.Value, c.Crop.Origin)
	add("interpolation", c.Filter.Value, c.Filter.Origin)
	add("scale", scaleText(c.Scale.Value), c.Scale.Origin)
	add("mean", c.Mean.Value, c.Mean.Origin)
	add("std", c.Std.Value, c.Std.Origin)
	add("color", c.Color.Value, c.Color.Origin)
	add("layout", c.Layout.Value, c.Layout.Origin)
	add("input", c.InputName.Value, c.InputName.Origin)
	add("input type", c.InputType.Value, c.InputType.Origin)
	add("fixed batch", c.Batch.Value, c.Batch.Origin)
	add("output", c.OutputName.Value, c.OutputName.Origin)
	add("output type", c.OutputType.Value, c.OutputType.Origin)
	add("output kind", c.Output.Value, c.Output.Origin)
	add("classes", c.Classes.Value, c.Classes.Origin)
	add("class order", c.ClassOrder.Value, c.ClassOrder.Origin)
	add("parameters", c.Parameters.Value, c.Parameters.Origin)
	return facts
}

func (r Resize) String() string {
	switch r.Mode {
	case imaging.ResizeShorter:
		return fmt.Sprintf("shorter side %d", r.H)
	case imaging.ResizeLonger:
		return fmt.Sprintf("longer side %d", r.H)
	case imaging.ResizeExact:
		return fmt.Sprintf("exactly %dx%d", r.W, r.H)
	}
	return "none"
}

func (s Size) String() string {
	if s == (Size{}) {
		return "none"
	}
	return fmt.Sprintf("%dx%d", s.W, s.H)
}

func scaleText(scale float64) string {
	switch scale {
	case PixelScale:
		return "1/255"
	case 1:
		return "none"
	}
	return strconv.FormatFloat(scale, 'g', -1, 64)
}

// names lists the words of an enumeration for messages.
func names[T ~string](words []T) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(string(w))
	}
	return strings.Join(quoted, ", ")
}

var (
	colors      = []Color{RGB, BGR}
	layouts     = []Layout{NCHW, NHWC}
	kinds       = []Kind{Logits, Probabilities, Auto}
	classOrders = []ClassOrder{ImageNet, ImageNetBackground, AnyOrder}
)

// ParseInputType reads the name of an element type that inputs can have.
func ParseInputType(name string) (onnxfile.ElementType, error) {
	types := []onnxfile.ElementType{onnxfile.Float32, onnxfile.Float16, onnxfile.Uint8}
	i := slices.IndexFunc(types, func(t onnxfile.ElementType) bool { return t.String() == name })
	if i < 0 {
		return 0, fmt.Errorf("must be float32, float16 or uint8, got %q", name)
	}
	return types[i], nil
}
