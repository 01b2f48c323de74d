package modelcard

import (
	"fmt"
	"slices"
	"strings"

	"quba/internal/onnxfile"
)

// graphOrigin is the origin of what the graph itself says.
const graphOrigin = "graph"

// readGraph takes from the graph what it states beyond doubt. card tells the
// names of input and output and the layout, where they are known already.
func readGraph(file *onnxfile.File, card Card) (Card, error) {
	var graph Card
	if err := readGraphInput(file, card, &graph); err != nil {
		return graph, err
	}
	if err := readGraphOutput(file, card, &graph); err != nil {
		return graph, err
	}
	graph.Parameters = From(file.Parameters, "graph (floating-point weights)")
	return graph, nil
}

func readGraphInput(file *onnxfile.File, card Card, graph *Card) error {
	if len(file.Inputs) != 1 {
		return fmt.Errorf("the graph must have one input, the image, has %d: %s", len(file.Inputs), valueNames(file.Inputs))
	}
	in := file.Inputs[0]
	if card.InputName.Known() && card.InputName.Value != in.Name {
		return fmt.Errorf("the graph has no input %q (from %s); its input is %q", card.InputName.Value, card.InputName.Origin, in.Name)
	}
	if in.Dims != nil && len(in.Dims) != 4 {
		return fmt.Errorf("input %q must have 4 dimensions, has %d: %v", in.Name, len(in.Dims), in.Dims)
	}
	graph.InputName = From(in.Name, graphOrigin)
	graph.InputType = From(in.Type, graphOrigin)
	if in.Dims == nil {
		return nil
	}
	if in.Dims[0].Fixed() {
		graph.Batch = From(int(in.Dims[0].Size), graphOrigin)
	}
	return readGraphLayout(in, card.Layout, graph)
}

// readGraphLayout finds the dimension of the 3 channels; when both could be
// it, the layout stays unknown.
func readGraphLayout(in onnxfile.Value, given Field[Layout], graph *Card) error {
	first, last := in.Dims[1].Size == 3, in.Dims[3].Size == 3
	switch {
	case given.Known():
		channels := in.Dims[1]
		if given.Value == NHWC {
			channels = in.Dims[3]
		}
		if channels.Fixed() && channels.Size != 3 {
			return fmt.Errorf("input %q must have 3 channels, has %d where %s (from %s) puts them: %v", in.Name, channels.Size, given.Value, given.Origin, in.Dims)
		}
		graph.Layout = given
	case first && !last:
		graph.Layout = From(NCHW, graphOrigin)
	case last && !first:
		graph.Layout = From(NHWC, graphOrigin)
	case !first && !last && in.Dims[1].Fixed() && in.Dims[3].Fixed():
		return fmt.Errorf("input %q must have 3 channels, its dimensions are %v", in.Name, in.Dims)
	default:
		return nil
	}
	h, w := in.Dims[2], in.Dims[3]
	if graph.Layout.Value == NHWC {
		h, w = in.Dims[1], in.Dims[2]
	}
	if h.Fixed() && w.Fixed() {
		graph.InputSize = From(Size{W: int(w.Size), H: int(h.Size)}, graphOrigin)
	}
	return nil
}

func readGraphOutput(file *onnxfile.File, card Card, graph *Card) error {
	out, err := chooseOutput(file, card.OutputName)
	if err != nil {
		return err
	}
	graph.OutputName = From(out.Name, graphOrigin)
	graph.OutputType = From(out.Type, graphOrigin)
	if out.Dims == nil {
		return nil
	}
	if len(out.Dims) < 2 {
		return fmt.Errorf("output %q must have the dimensions [batch, classes], has %v", out.Name, out.Dims)
	}
	for _, d := range out.Dims[2:] {
		if d.Size != 1 {
			return fmt.Errorf("output %q must have the dimensions [batch, classes], has %v; is it a classifier?", out.Name, out.Dims)
		}
	}
	if d := out.Dims[1]; d.Fixed() {
		graph.Classes = From(int(d.Size), graphOrigin)
	}
	return nil
}

// chooseOutput takes the named output, or the only one, or the only one whose
// name classifiers have by convention.
func chooseOutput(file *onnxfile.File, name Field[string]) (onnxfile.Value, error) {
	if name.Known() {
		out, ok := file.Output(name.Value)
		if !ok {
			return out, fmt.Errorf("the graph has no output %q (from %s); its outputs: %s", name.Value, name.Origin, valueNames(file.Outputs))
		}
		return out, nil
	}
	if len(file.Outputs) == 1 {
		return file.Outputs[0], nil
	}
	usual := slices.DeleteFunc(slices.Clone(file.Outputs), func(v onnxfile.Value) bool {
		return !slices.Contains([]string{"logits", "output0", "output"}, v.Name)
	})
	if len(usual) == 1 {
		return usual[0], nil
	}
	return onnxfile.Value{}, fmt.Errorf("the graph has %d outputs: %s; say which gives the classes as output.name in the side-car, or output_name in the config", len(file.Outputs), valueNames(file.Outputs))
}

func valueNames(values []onnxfile.Value) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v.Name)
	}
	return strings.Join(quoted, ", ")
}
