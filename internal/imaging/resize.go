package imaging

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// maxSide bounds each side of a resized image, and maxOutputPixels the pixels
// that Apply returns: a panorama one pixel high must not ask for terabytes.
const (
	maxSide         = 1 << 24
	maxOutputPixels = 1 << 28
)

// Resize returns src resized to w x h, bit for bit as Pillow 12's
// Image.resize: antialiased, horizontal pass first, nearest through the affine
// path. It panics unless w and h are positive and f is a filter.
func Resize(src *Image, w, h int, f Filter) *Image {
	if int(f) >= len(filterNames) {
		panic("imaging: " + f.String())
	}
	dst := New(w, h)
	resample(fastest, plane{dst.Pix, 3 * w, 3 * w}, src, w, h, f, rect{0, 0, w, h})
	return dst
}

// Apply returns src transformed, or src itself where there is nothing to do.
// Only the pixels that the crop keeps are computed. It fails where the
// transform makes no sense or makes an image of no or too many pixels.
func (t Transform) Apply(src *Image) (*Image, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	w, h := t.resizedSize(src.W, src.H)
	if w < 1 || h < 1 || w > maxSide || h > maxSide {
		return nil, fmt.Errorf("%s makes an image of %dx%d pixels out of %dx%d: sides must be 1..%d", t, w, h, src.W, src.H, maxSide)
	}
	x, y := cropAxis(w, t.CropW), cropAxis(h, t.CropH)
	if x.out*y.out > maxOutputPixels {
		return nil, fmt.Errorf("%s makes an image of %dx%d pixels out of %dx%d: at most %d pixels are made; add a crop", t, x.out, y.out, src.W, src.H, maxOutputPixels)
	}
	if w == src.W && h == src.H && x.out == w && y.out == h {
		return src, nil
	}
	dst := reused(x.out, y.out)
	if x.len() < x.out || y.len() < y.out {
		dst.fill(t.PadColor)
	}
	to := plane{dst.Pix[3*(y.pad*dst.W+x.pad):], 3 * dst.W, 3 * x.len()}
	resample(fastest, to, src, w, h, t.Filter, rect{x.lo, y.lo, x.hi, y.hi})
	return dst, nil
}

// Validate reports whether the sizes, mode and filter make sense.
func (t Transform) Validate() error {
	if int(t.Filter) >= len(filterNames) {
		return fmt.Errorf("filter must be one of %s, got %d", strings.Join(filterNames[:], ", "), t.Filter)
	}
	if t.CropW < 0 || t.CropH < 0 || (t.CropW == 0) != (t.CropH == 0) {
		return fmt.Errorf("crop must have two positive sides or none, got %dx%d", t.CropW, t.CropH)
	}
	switch t.Mode {
	case ResizeNone:
		return nil
	case ResizeShorter, ResizeLonger:
		if t.ResizeH < 1 || t.ResizeH > maxSide {
			return fmt.Errorf("resize must be 1..%d, got %d", maxSide, t.ResizeH)
		}
	case ResizeExact:
		if t.ResizeW < 1 || t.ResizeH < 1 || t.ResizeW > maxSide || t.ResizeH > maxSide {
			return fmt.Errorf("resize sides must be 1..%d, got %dx%d", maxSide, t.ResizeW, t.ResizeH)
		}
	default:
		return errors.New("resize mode is unknown")
	}
	return nil
}

// OutputSize returns the size that Apply makes of an image of w x h pixels.
func (t Transform) OutputSize(w, h int) (int, int) {
	w, h = t.resizedSize(w, h)
	return cropAxis(w, t.CropW).out, cropAxis(h, t.CropH).out
}

// resizedSize returns the size before the crop.
func (t Transform) resizedSize(w, h int) (int, int) {
	switch t.Mode {
	case ResizeExact:
		return t.ResizeW, t.ResizeH
	case ResizeShorter:
		if w <= h {
			return t.ResizeH, t.ResizeH * h / w
		}
		return t.ResizeH * w / h, t.ResizeH
	case ResizeLonger:
		// timm's ResizeKeepRatio(longest=1) divides by a ratio and rounds
		// halves to even.
		ratio := float64(max(w, h)) / float64(t.ResizeH)
		return roundEven(float64(w) / ratio), roundEven(float64(h) / ratio)
	default:
		return w, h
	}
}

// axis is one axis of a crop: the part [lo, hi) of the resized image that it
// keeps, the padding before it, and the length of the result.
type axis struct{ lo, hi, pad, out int }

func (a axis) len() int { return a.hi - a.lo }

// cropAxis centres a crop on n positions as torchvision's center_crop does: the
// offset is rounded half to even; the padding before is rounded down.
func cropAxis(n, crop int) axis {
	if crop == 0 {
		return axis{hi: n, out: n}
	}
	if crop > n {
		return axis{hi: n, pad: (crop - n) / 2, out: crop}
	}
	lo := roundEven(float64(n-crop) / 2)
	return axis{lo: lo, hi: lo + crop, out: crop}
}

func roundEven(x float64) int { return int(math.RoundToEven(x)) }

// fill paints the whole image.
func (m *Image) fill(rgb [3]uint8) {
	for i := 0; i < len(m.Pix); i += 3 {
		copy(m.Pix[i:i+3], rgb[:])
	}
}

// String describes the transform for people, such as "resize shorter side to
// 256 (bicubic), centre crop 224x224".
func (t Transform) String() string {
	var parts []string
	switch t.Mode {
	case ResizeNone:
	case ResizeShorter:
		parts = append(parts, fmt.Sprintf("resize shorter side to %d (%s)", t.ResizeH, t.Filter))
	case ResizeExact:
		parts = append(parts, fmt.Sprintf("resize to %dx%d (%s)", t.ResizeW, t.ResizeH, t.Filter))
	case ResizeLonger:
		parts = append(parts, fmt.Sprintf("resize longer side to %d (%s)", t.ResizeH, t.Filter))
	default:
		parts = append(parts, fmt.Sprintf("resize mode %d", uint8(t.Mode)))
	}
	if t.CropW != 0 || t.CropH != 0 {
		parts = append(parts, fmt.Sprintf("centre crop %dx%d", t.CropW, t.CropH))
	}
	if len(parts) == 0 {
		return "unchanged"
	}
	return strings.Join(parts, ", ")
}
