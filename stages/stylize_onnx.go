package stages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"quba/internal/imaging"
	"quba/internal/onnxfile"
	"quba/pipeline"
	"quba/pipeline/registry"
)

// onnxMethod is the method of stylize that a network does: one with a style of
// its own (fast style transfer, Johnson et al. 2016), or one that takes a style
// image beside the content (AdaIN, Huang and Belongie 2017; Ghiasi et al.
// 2017).
const onnxMethod = "onnx"

// openStyleNetwork loads the network of method onnx.
func openStyleNetwork(ctx context.Context, run *pipeline.Run, c *stylizeConfig) (*imageNetwork, error) {
	n, err := openNetwork(ctx, run, c.Network, c.networkInputs)
	if err != nil {
		return nil, err
	}
	if n.blank().channels != 3 {
		err = fmt.Errorf("%s: the output must have 3 channels, and have them where the input has them; has the shape %v", c.Network.Path, n.output.Shape)
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// networkInputs are the content and, where the network takes one, the style.
func (c *stylizeConfig) networkInputs(file *onnxfile.File) ([]imageInput, error) {
	content, style, err := c.roles(namesOf(file.Inputs))
	if err != nil {
		return nil, err
	}
	value, _ := file.Input(content)
	in, err := newImageInput(value, c.Network.Size)
	if err != nil || style == "" {
		return []imageInput{in}, err
	}
	size := c.StyleSize
	if size == 0 {
		size = c.Network.Size
	}
	value, _ = file.Input(style)
	look, err := newImageInput(value, size)
	if err != nil && value.Type == onnxfile.Float32 {
		return nil, fmt.Errorf("%w; join a network that takes a style vector with the one that makes such vectors of images", err)
	}
	return []imageInput{in, look}, err
}

func namesOf(values []onnxfile.Value) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.Name
	}
	return names
}

// roles says which input takes the content and which the style image, "" for a
// network with a style of its own.
func (c *stylizeConfig) roles(inputs []string) (content, style string, err error) {
	for _, stated := range [][2]string{{"content_input", c.ContentInput}, {"style_input", c.StyleInput}} {
		if option, name := stated[0], stated[1]; name != "" && !slices.Contains(inputs, name) {
			return "", "", fmt.Errorf("%s: %w", option, registry.Unknown("input", name, inputs))
		}
	}
	switch {
	case len(inputs) == 1 && c.Styles != "":
		return "", "", fmt.Errorf("has one input, %q, so its style is its own; leave styles out", inputs[0])
	case len(inputs) == 1:
		return inputs[0], "", nil
	case len(inputs) == 2 && c.Styles == "":
		return "", "", fmt.Errorf("has two inputs, %q and %q, so it takes a style image; styles must be given", inputs[0], inputs[1])
	case len(inputs) == 2:
		return c.rolesOf(inputs[0], inputs[1])
	}
	return "", "", fmt.Errorf("must have one input, the content, or two, content and style; has %d: %q", len(inputs), inputs)
}

// rolesOf goes by the options, then by the names of the inputs.
func (c *stylizeConfig) rolesOf(a, b string) (content, style string, err error) {
	switch {
	case c.ContentInput == a || c.StyleInput == b:
		return a, b, nil
	case c.ContentInput == b || c.StyleInput == a:
		return b, a, nil
	}
	for _, word := range []string{"style", "content"} {
		inA, inB := strings.Contains(strings.ToLower(a), word), strings.Contains(strings.ToLower(b), word)
		if inA == inB {
			continue
		}
		if inA == (word == "content") {
			return a, b, nil
		}
		return b, a, nil
	}
	return "", "", fmt.Errorf("the names of the inputs %q and %q do not say which takes the content and which the style; write content_input: %s, or content_input: %s", a, b, a, b)
}

// stylizeNetwork paints the content with the network and gives it back its
// size; style is nil for a network with a style of its own. The output is a
// picture on the input's scale, before mean and std.
func stylizeNetwork(ctx context.Context, n *imageNetwork, content, style *imaging.Image) (*imaging.Image, error) {
	out, err := n.apply(ctx, content, style)
	if err != nil {
		return nil, err
	}
	planes := make([]plane, 3)
	for c := range planes {
		planes[c] = newPlane(out.w, out.h)
		for i := range planes[c].v {
			planes[c].v[i] = float64(out.v[c*out.w*out.h+i]) / n.config.factor() / 255
		}
	}
	painted := imageOf(planes)
	if painted.W == content.W && painted.H == content.H {
		return painted, nil
	}
	return imaging.Resize(painted, content.W, content.H, imaging.Bilinear), nil
}
