package compose

import (
	"image"

	"quba/internal/imaging"
)

// The images of the challenge: the shorter side is resized to 256, and the
// centre is cropped.
const (
	resized = 256
	side    = 224
)

// Limits of foregrounds. Those of the authors' script are MaxBox (a larger box
// leaves too little background), MinFill (there of the annotated box, here of
// the box of the mask) and MinKept; MinForeground keeps specks out.
const (
	MinForeground = 0.01 // of the crop, the foreground's pixels
	MaxBox        = 0.9  // of the crop, the box of the foreground
	MinFill       = 0.1  // of the box, the foreground's pixels
	MinKept       = 0.5  // of the foreground, what the crop keeps
)

func geometry(f imaging.Filter) imaging.Transform {
	return imaging.Transform{Mode: imaging.ResizeShorter, ResizeH: resized, Filter: f, CropW: side, CropH: side}
}

// mask says of each pixel of a crop, row by row, whether it is foreground.
type mask []bool

// cutout is a cropped image with its foreground.
type cutout struct {
	picture *imaging.Image // side x side
	mask    mask
	box     image.Rectangle // the smallest that has all of the foreground
	kept    float64         // the part of the foreground that is inside the crop
}

// crop sends an image and its foreground through the same geometry.
func crop(m *imaging.Image, foreground []bool) (*cutout, error) {
	picture, err := geometry(imaging.Bilinear).Apply(m)
	if err != nil {
		return nil, unfit(unreadable, "%w", err)
	}
	grey := imaging.New(m.W, m.H)
	whole := 0
	for i, inside := range foreground {
		if inside {
			grey.Pix[3*i] = 255
			whole++
		}
	}
	if grey, err = geometry(imaging.Nearest).Apply(grey); err != nil {
		return nil, unfit(unreadable, "%w", err)
	}
	c := &cutout{picture: picture, mask: make(mask, side*side)}
	for i := range c.mask {
		c.mask[i] = grey.Pix[3*i] != 0
	}
	c.box = c.mask.box()
	scale := resized / float64(min(m.W, m.H))
	c.kept = float64(c.mask.count()) / (float64(whole) * scale * scale)
	return c, nil
}

// check holds the foreground against the limits.
func (c *cutout) check() error {
	const area = side * side
	pixels, box := float64(c.mask.count()), float64(c.box.Dx()*c.box.Dy())
	switch {
	case pixels == 0:
		return unfit(noForeground, "the centre crop has no foreground")
	case pixels < MinForeground*area:
		return unfit(noForeground, "the foreground is too small: %.2f%% of the crop, at least %g%% are needed", 100*pixels/area, 100*MinForeground)
	case box > MaxBox*area:
		return unfit(noForeground, "the foreground is too large: its box is %.1f%% of the crop, at most %g%% leave a background", 100*box/area, 100*MaxBox)
	case pixels < MinFill*box:
		return unfit(noForeground, "the foreground is scattered: it fills %.1f%% of its box, at least %g%% are needed", 100*pixels/box, 100*MinFill)
	case c.kept < MinKept:
		return unfit(noForeground, "the foreground is off centre: %.0f%% of it is inside the crop, at least %g%% are needed", 100*c.kept, 100*MinKept)
	}
	return nil
}

// onlyForeground is the image with its background black.
func (c *cutout) onlyForeground() *imaging.Image {
	black := imaging.New(side, side)
	paste(black, c.picture, c.mask)
	return black
}

// noForeground is the image with its foreground black.
func (c *cutout) noForeground() *imaging.Image {
	m := c.picture.Clone()
	paste(m, imaging.New(side, side), c.mask)
	return m
}

// tiled is the image with the box of its foreground tiled with background.
func (c *cutout) tiled() *imaging.Image { return tileBox(c.picture, c.box) }

func (m mask) count() int {
	n := 0
	for _, inside := range m {
		if inside {
			n++
		}
	}
	return n
}

// box is the smallest rectangle around the foreground, empty without one.
func (m mask) box() image.Rectangle {
	var box image.Rectangle
	for i, inside := range m {
		if inside {
			x, y := i%side, i/side
			box = box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	return box
}

const packedSize = side * side / 8

// packed has a bit for each pixel, the first ones lowest.
func (m mask) packed() (bits [packedSize]byte) {
	for i, inside := range m {
		if inside {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return bits
}

// unpack is the inverse of packed.
func unpack(bits [packedSize]byte) mask {
	m := make(mask, side*side)
	for i := range m {
		m[i] = bits[i/8]>>(i%8)&1 == 1
	}
	return m
}
