package stages

import (
	"context"
	"fmt"

	"quba/internal/imaging"
)

// onnxMethod is the method of stylize whose style is that of a network (fast
// style transfer, Johnson et al. 2016) and not of an image.
const onnxMethod = "onnx"

// stylizeNetwork paints the content with the network and gives it back its
// size. The output is a picture on the input's scale, before mean and std.
func stylizeNetwork(ctx context.Context, n *imageNetwork, content *imaging.Image) (*imaging.Image, error) {
	out, err := n.apply(ctx, content)
	if err != nil {
		return nil, err
	}
	if out.channels != 3 {
		return nil, fmt.Errorf("%s: the output must have 3 channels, has %d", n.config.Path, out.channels)
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
