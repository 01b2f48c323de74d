package stages

import (
	"context"

	"quba/internal/imaging"
)

// segment finds the object with a network, at its resolution.
func segment(ctx context.Context, n *imageNetwork, m *imaging.Image) ([]bool, error) {
	out, err := n.apply(ctx, m)
	if err != nil {
		return nil, err
	}
	size := out.w * out.h
	mask := make([]byte, size)
	for i := range mask {
		if out.foreground(i, size) {
			mask[i] = 255
		}
	}
	return bright(imaging.Resize(greyImage(out.w, out.h, mask), m.W, m.H, imaging.Nearest)), nil
}

// foreground reads one pixel: a single channel is the object's probability, of
// several the first is background and the largest wins.
func (p picture) foreground(i, size int) bool {
	if p.channels == 1 {
		return p.v[i] >= 0.5
	}
	for c := 1; c < p.channels; c++ {
		if p.v[c*size+i] > p.v[i] {
			return true
		}
	}
	return false
}
