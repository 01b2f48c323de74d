package modelcard

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
)

// Resolve fills the card of a model. given comes from the config; for each
// field the first that knows it wins of: given, side-cars beside the model,
// metadata_props, Hugging Face's preprocessor_config.json and config.json
// with timm's settings (in the model's folder or the one above), the graph.
//
// It fails with a *MissingError when preprocessing or class order remain
// unknown, and with other errors when sources are malformed or contradict the
// graph. The output kind may remain Auto.
func Resolve(file *onnxfile.File, given Card) (Card, error) {
	card := given
	card.fill(Card{}) // an own map of labels
	sideCar, err := card.fillFromSideCars(file)
	if err != nil {
		return card, err
	}
	metadata, err := readMetadata(file.Metadata, file.SHA256)
	if err != nil {
		return card, fmt.Errorf("%s: %w", file.Path, err)
	}
	card.fill(metadata)
	graph, err := readGraph(file, card)
	if err != nil {
		return card, fmt.Errorf("%s: %w", file.Path, err)
	}
	if err := card.fillFromHub(file.Path, graph); err != nil {
		return card, err
	}
	card, err = card.complete(file, graph)
	var missing *MissingError
	if errors.As(err, &missing) {
		missing.SideCar = sideCar
	}
	return card, err
}

// fillFromSideCars returns the path of the side-car that counts most, "" when
// there is none.
func (c *Card) fillFromSideCars(file *onnxfile.File) (first string, err error) {
	for _, path := range sideCarNames(file.Path) {
		o, err := readObject(path, filepath.Base(path))
		if err != nil {
			return "", err
		}
		if o == nil {
			continue
		}
		if len(o.values) == 0 {
			return "", fmt.Errorf("%s: %w", path, errNothing)
		}
		card, err := readSideCar(o, file.SHA256)
		if err != nil {
			return "", err
		}
		c.fill(card)
		if first == "" {
			first = path
		}
	}
	return first, nil
}

// fillFromHub reads what Hugging Face and timm put beside a model, or above
// the folder onnx that it is in.
func (c *Card) fillFromHub(modelPath string, graph Card) error {
	read := func(name string, reader func(*object) (Card, error)) error {
		for _, up := range []string{"", ".."} {
			path := filepath.Join(filepath.Dir(modelPath), up, name)
			o, err := readObject(path, filepath.ToSlash(filepath.Join(up, name)))
			var fault syscall.Errno
			if err != nil && up != "" && !errors.As(err, &fault) {
				continue // some other file of the same name
			}
			if err != nil {
				return err
			}
			if o == nil {
				continue
			}
			card, err := reader(o)
			if err != nil {
				return fmt.Errorf("%s: %w", modelPath, err)
			}
			c.fill(card)
		}
		return nil
	}
	if err := read("preprocessor_config.json", readPreprocessor); err != nil {
		return err
	}
	return read("config.json", func(o *object) (Card, error) { return readConfig(o, graph) })
}

// complete adds the graph's own values and checks that nothing is missing or
// contradicts them.
func (c Card) complete(file *onnxfile.File, graph Card) (Card, error) {
	c.fill(graph)
	c.Output.fill(From(Auto, "probe"))
	c.PadColor.fill(From([3]uint8{}, "torchvision's rule"))
	if err := c.missing(file.Path); err != nil {
		return c, err
	}
	if err := errors.Join(c.checkInput(graph), c.checkOutput(graph)); err != nil {
		return c, fmt.Errorf("%s: %w", file.Path, err)
	}
	return c, nil
}

func (c Card) missing(path string) error {
	e := &MissingError{Model: path}
	add := func(known bool, name string) {
		if !known {
			e.Fields = append(e.Fields, name)
		}
	}
	add(c.Resize.Known(), "preprocess.resize_shorter_side")
	add(c.Crop.Known(), "preprocess.center_crop")
	add(c.Filter.Known() || (c.Resize.Known() && c.Resize.Value.Mode == imaging.ResizeNone), "preprocess.interpolation")
	add(c.Scale.Known(), "preprocess.scale")
	add(c.Mean.Known(), "preprocess.mean")
	add(c.Std.Known(), "preprocess.std")
	add(c.Color.Known(), "input.color")
	add(c.Layout.Known(), "input.layout")
	add(c.ClassOrder.Known(), "class_order")
	if len(e.Fields) == 0 {
		return nil
	}
	return e
}

func (c Card) checkInput(graph Card) error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch t := graph.InputType.Value; {
	case c.InputType.Value != t:
		fail("input %q is %s in the graph, %s says %s", c.InputName.Value, t, c.InputType.Origin, c.InputType.Value)
	case t != onnxfile.Float32 && t != onnxfile.Float16 && t != onnxfile.Uint8:
		fail("input %q must be float32, float16 or uint8, is %s", c.InputName.Value, t)
	}
	if err := c.Transform().Validate(); err != nil {
		fail("preprocessing (from %s): %w", c.Resize.Origin, err)
	}
	switch size := c.ImageSize(); {
	case size == Size{}:
		fail("preprocessing must give all images one size: add a center_crop to %s (from %s)", c.Resize.Value, c.Resize.Origin)
	case graph.InputSize.Known() && size != graph.InputSize.Value:
		fail("preprocessing gives images of %s (from %s), the graph takes %s", size, c.Crop.Origin, graph.InputSize.Value)
	}
	if c.InputType.Value == onnxfile.Uint8 && (c.Scale.Value != 1 || c.Mean.Value != [3]float64{} || c.Std.Value != [3]float64{1, 1, 1}) {
		fail("a uint8 input takes pixels as they are: scale must be none, mean 0 and std 1")
	}
	return errors.Join(problems...)
}

func (c Card) checkOutput(graph Card) error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch t := graph.OutputType.Value; {
	case c.OutputType.Value != t:
		fail("output %q is %s in the graph, %s says %s", c.OutputName.Value, t, c.OutputType.Origin, c.OutputType.Value)
	case t != onnxfile.Float32 && t != onnxfile.Float16:
		fail("output %q must be float32 or float16, is %s", c.OutputName.Value, t)
	}
	if graph.Classes.Known() && c.Classes.Value != graph.Classes.Value {
		fail("output %q has %d classes in the graph, %s says %d", c.OutputName.Value, graph.Classes.Value, c.Classes.Origin, c.Classes.Value)
	}
	if err := CheckClasses(c.ClassOrder, c.Classes.Value); c.Classes.Known() && err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// CheckClasses says whether an output of so many classes fits the class order.
func CheckClasses(order Field[ClassOrder], classes int) error {
	want := map[ClassOrder]int{ImageNet: 1000, ImageNetBackground: 1001}[order.Value]
	if want == 0 || classes == want {
		return nil
	}
	hint := ""
	if classes == 1001 {
		hint = "; with a background class first it is " + string(ImageNetBackground)
	}
	return fmt.Errorf("class order %s (from %s) means %d classes, the output has %d%s", order.Value, order.Origin, want, classes, hint)
}
