package stages

import "quba/internal/imaging"

// plane is one channel of an image: h rows of w numbers, 0 black and 1 white.
type plane struct {
	w, h int
	v    []float64
}

func newPlane(w, h int) plane { return plane{w: w, h: h, v: make([]float64, w*h)} }

func (p plane) clone() plane { return plane{w: p.w, h: p.h, v: append([]float64(nil), p.v...)} }

func (p plane) mean() float64 {
	sum := 0.0
	for _, v := range p.v {
		sum += v
	}
	return sum / float64(len(p.v))
}

// The weights of grey, as scikit-image's rgb2gray and with it the
// model-vs-human images have them (ITU-R BT.709).
const (
	redWeight   = 0.2125
	greenWeight = 0.7154
	blueWeight  = 0.0721
)

// greyOf is the luminance of an image.
func greyOf(m *imaging.Image) plane {
	p := newPlane(m.W, m.H)
	for i := range p.v {
		rgb := m.Pix[3*i : 3*i+3]
		p.v[i] = (redWeight*float64(rgb[0]) + greenWeight*float64(rgb[1]) + blueWeight*float64(rgb[2])) / 255
	}
	return p
}

// planesOf is the luminance of an image, or its three channels.
func planesOf(m *imaging.Image, grey bool) []plane {
	if grey {
		return []plane{greyOf(m)}
	}
	planes := make([]plane, 3)
	for c := range planes {
		planes[c] = newPlane(m.W, m.H)
		for i := range planes[c].v {
			planes[c].v[i] = float64(m.Pix[3*i+c]) / 255
		}
	}
	return planes
}

// imageOf makes an image of three channels, or of one that becomes all three.
func imageOf(planes []plane) *imaging.Image {
	w, h := planes[0].w, planes[0].h
	if len(planes) == 1 {
		return greyImage(w, h, planes[0].bytes())
	}
	m := imaging.New(w, h)
	for c, p := range planes {
		for i, v := range p.v {
			m.Pix[3*i+c] = toByte(v)
		}
	}
	return m
}

// eachPlane returns the image whose channels are those of f.
func eachPlane(planes []plane, f func(plane) plane) *imaging.Image {
	changed := make([]plane, len(planes))
	for i, p := range planes {
		changed[i] = f(p)
	}
	return imageOf(changed)
}

// toByte clips to [0, 1] and rounds to the nearest of 256 levels; NaN is 0.
func toByte(v float64) byte {
	switch {
	case v >= 1:
		return 255
	case v > 0:
		return byte(v*255 + 0.5)
	}
	return 0
}

// bytes is the plane in 256 levels.
func (p plane) bytes() []byte {
	b := make([]byte, len(p.v))
	for i, v := range p.v {
		b[i] = toByte(v)
	}
	return b
}

// greyImage makes an image of one byte for each pixel.
func greyImage(w, h int, grey []byte) *imaging.Image {
	m := imaging.New(w, h)
	for i, v := range grey {
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = v, v, v
	}
	return m
}
