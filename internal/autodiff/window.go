package autodiff

import "fmt"

// window is how a convolution or a pooling moves over the spatial axes: every
// slice has one entry for each of them.
type window struct {
	kernel, stride, dilation []int64
	before, after            []int64 // padding; negative where it crops
}

// windowOf reads the attributes of a node that moves over the spatial axes of
// length in and gives those of length out.
func windowOf(n *node, kernel, in, out []int64) (window, error) {
	w, err := steps(n, kernel)
	if err != nil {
		return window{}, err
	}
	if w.before, w.after, err = explicitPads(n, len(kernel)); err != nil {
		return window{}, err
	}
	switch mode := n.text("auto_pad", "NOTSET"); mode {
	case "NOTSET", "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for i := range kernel {
			total := max((out[i]-1)*w.stride[i]+w.extent(i)-in[i], 0)
			w.before[i], w.after[i] = distribute(total, mode)
		}
	default:
		return window{}, fmt.Errorf("auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, is %q", mode)
	}
	return w, nil
}

// steps reads the strides and dilations.
func steps(n *node, kernel []int64) (window, error) {
	w := window{
		kernel:   kernel,
		stride:   orOnes(n.integers("strides"), len(kernel)),
		dilation: orOnes(n.integers("dilations"), len(kernel)),
	}
	if len(w.stride) != len(kernel) || len(w.dilation) != len(kernel) {
		return window{}, fmt.Errorf("strides and dilations must have a value for each of the %d spatial axes, are %v and %v",
			len(kernel), w.stride, w.dilation)
	}
	return w, nil
}

// explicitPads reads the attribute pads; VALID and SAME_* do without it.
func explicitPads(n *node, axes int) (before, after []int64, err error) {
	before, after = make([]int64, axes), make([]int64, axes)
	pads := n.integers("pads")
	if pads == nil || n.text("auto_pad", "NOTSET") != "NOTSET" {
		return before, after, nil
	}
	if len(pads) != 2*axes {
		return nil, nil, fmt.Errorf("pads must have two values for each of the %d spatial axes, is %v", axes, pads)
	}
	copy(before, pads[:axes])
	copy(after, pads[axes:])
	return before, after, nil
}

// distribute splits padding over the two sides; the odd one goes after for
// SAME_UPPER and before otherwise.
func distribute(total int64, mode string) (before, after int64) {
	if mode == "SAME_UPPER" {
		return total / 2, total - total/2
	}
	return total - total/2, total / 2
}

// extent is how many elements the dilated kernel spans along an axis.
func (w window) extent(i int) int64 { return (w.kernel[i]-1)*w.dilation[i] + 1 }

func orOnes(v []int64, n int) []int64 {
	if v != nil {
		return v
	}
	v = make([]int64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}
