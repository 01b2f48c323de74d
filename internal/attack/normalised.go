package attack

import "context"

// Normalised is an oracle for images that are normalised already: what enters
// the network, (x - mean) / std by colour of what another oracle takes.
type Normalised struct {
	Oracle
	mean, std [3]float32
	plane     int
	pixels    []float32
}

// NewNormalised wraps an oracle for images of h x w. It is for one goroutine.
func NewNormalised(o Oracle, h, w int, mean, std [3]float32) *Normalised {
	return &Normalised{Oracle: o, mean: mean, std: std, plane: h * w, pixels: make([]float32, 3*h*w*o.Batch())}
}

// Normalise writes what enters the network for pixels.
func (n *Normalised) Normalise(z, pixels []float32) {
	n.eachPlane(len(z), func(colour, from, to int) {
		for j := from; j < to; j++ {
			z[j] = (pixels[j] - n.mean[colour]) / n.std[colour]
		}
	})
}

// Pixels is the inverse of Normalise.
func (n *Normalised) Pixels(pixels, z []float32) {
	n.eachPlane(len(z), func(colour, from, to int) {
		for j := from; j < to; j++ {
			pixels[j] = float32(z[j]*n.std[colour]) + n.mean[colour]
		}
	})
}

func (n *Normalised) eachPlane(size int, visit func(colour, from, to int)) {
	for k := range size / n.plane {
		visit(k%3, k*n.plane, (k+1)*n.plane)
	}
}

// Logits takes normalised images.
func (n *Normalised) Logits(ctx context.Context, z, logits []float32) error {
	n.Pixels(n.pixels, z)
	return n.Oracle.Logits(ctx, n.pixels, logits)
}

// Gradient takes normalised images, and is with respect to them.
func (n *Normalised) Gradient(ctx context.Context, z []float32, labels []int64, logits, loss, dz []float32) error {
	n.Pixels(n.pixels, z)
	if err := n.Oracle.Gradient(ctx, n.pixels, labels, logits, loss, dz); err != nil {
		return err
	}
	n.eachPlane(len(dz), func(colour, from, to int) {
		for j := from; j < to; j++ {
			dz[j] *= n.std[colour]
		}
	})
	return nil
}
