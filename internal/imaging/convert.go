package imaging

import (
	"image"
	"image/color"
	"image/png"
	"io"
)

// FromGo converts as Pillow's convert("RGB") does: alpha is dropped, the colour
// under it stays; 16-bit grey is limited to 255 and other 16-bit samples keep
// their high byte; CMYK goes through Pillow's integer formula; YCbCr through
// libjpeg's, with fancy upsampling. It panics on an image without pixels.
func FromGo(src image.Image) *Image {
	b := src.Bounds()
	dst := New(b.Dx(), b.Dy())
	switch m := src.(type) {
	case *image.Gray:
		eachRow(dst, m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, grayRow)
	case *image.Gray16:
		eachRow(dst, m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, gray16Row)
	case *image.NRGBA:
		eachRow(dst, m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, nrgbaRow)
	case *image.NRGBA64:
		eachRow(dst, m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, nrgba64Row)
	case *image.RGBA:
		eachRow(dst, m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, rgbaRow)
	case *image.CMYK:
		eachRow(dst, m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, cmykRow)
	case *image.Paletted:
		palette := rgbPalette(m.Palette)
		eachRow(dst, m.Pix[m.PixOffset(b.Min.X, b.Min.Y):], m.Stride, palette.row)
	case *image.YCbCr:
		upsampleYCbCr(dst, m)
	default:
		convertPixels(dst, src)
	}
	return dst
}

// eachRow converts row by row; src begins with the first pixel.
func eachRow(dst *Image, src []byte, stride int, convert func(dst, src []byte)) {
	for y := range dst.H {
		convert(dst.Pix[3*y*dst.W:3*(y+1)*dst.W], src[y*stride:])
	}
}

func grayRow(dst, src []byte) {
	for i := range len(dst) / 3 {
		v := src[i]
		dst[3*i], dst[3*i+1], dst[3*i+2] = v, v, v
	}
}

func gray16Row(dst, src []byte) {
	for i := range len(dst) / 3 {
		v := src[2*i+1]
		if src[2*i] > 0 {
			v = 255
		}
		dst[3*i], dst[3*i+1], dst[3*i+2] = v, v, v
	}
}

func nrgbaRow(dst, src []byte) {
	for i := range len(dst) / 3 {
		copy(dst[3*i:3*i+3], src[4*i:4*i+3])
	}
}

func nrgba64Row(dst, src []byte) {
	for i := range len(dst) / 3 {
		dst[3*i], dst[3*i+1], dst[3*i+2] = src[8*i], src[8*i+2], src[8*i+4]
	}
}

// rgbaRow divides the alpha out as Pillow's RGBa does: truncated, at most 255.
func rgbaRow(dst, src []byte) {
	for i := range len(dst) / 3 {
		p, q := src[4*i:4*i+4:4*i+4], dst[3*i:3*i+3:3*i+3]
		a := int(p[3])
		if a == 0 || a == 255 {
			copy(q, p)
			continue
		}
		for c := range q {
			q[c] = byte(min(255, 255*int(p[c])/a))
		}
	}
}

// cmykRow takes ink amounts, 255 being full ink.
func cmykRow(dst, src []byte) {
	for i := range len(dst) / 3 {
		white := 255 - int(src[4*i+3])
		for c := range 3 {
			dst[3*i+c] = byte(white - mulDiv255(int(src[4*i+c]), white))
		}
	}
}

// mulDiv255 returns a*b/255 rounded, for a and b in 0..255.
func mulDiv255(a, b int) int {
	t := a*b + 128
	return (t>>8 + t) >> 8
}

type palette [256][3]byte

// rgbPalette converts a palette; indices past its end are black.
func rgbPalette(p color.Palette) *palette {
	var rgb palette
	for i, c := range p[:min(len(p), len(rgb))] {
		rgb[i] = straightRGB(c)
	}
	return &rgb
}

func (p *palette) row(dst, src []byte) {
	for i := range len(dst) / 3 {
		copy(dst[3*i:3*i+3], p[src[i]][:])
	}
}

func convertPixels(dst *Image, src image.Image) {
	b := src.Bounds()
	for y := range dst.H {
		for x := range dst.W {
			rgb := straightRGB(src.At(b.Min.X+x, b.Min.Y+y))
			copy(dst.Pix[3*(y*dst.W+x):], rgb[:])
		}
	}
}

// straightRGB drops the alpha of a colour; the high bytes stay.
func straightRGB(c color.Color) [3]byte {
	if n, ok := c.(color.NRGBA); ok {
		return [3]byte{n.R, n.G, n.B}
	}
	n := color.NRGBA64Model.Convert(c).(color.NRGBA64)
	return [3]byte{byte(n.R >> 8), byte(n.G >> 8), byte(n.B >> 8)}
}

// EncodePNG writes m as an 8-bit RGB PNG.
func EncodePNG(w io.Writer, m *Image) error {
	rgba := image.NewRGBA(image.Rect(0, 0, m.W, m.H))
	for i := range m.W * m.H {
		q := rgba.Pix[4*i : 4*i+4 : 4*i+4]
		copy(q, m.Pix[3*i:3*i+3])
		q[3] = 255
	}
	return png.Encode(w, rgba)
}
