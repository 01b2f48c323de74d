package imaging

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

const (
	pngMagic = "\x89PNG\r\n\x1a\n"
	pngEnd   = "\x00\x00\x00\x00IEND\xaeB`\x82"
)

// decodePNG decodes PNG and, of an animated one, the default picture.
func decodePNG(data []byte, opt Options) (*Image, string, error) {
	decode := png.Decode
	if grey16(data) {
		decode = decodeGrey16
	}
	m, err := decodeWith(png.DecodeConfig, decode, data, withPNGEnd(data), opt)
	var malformed png.FormatError
	if errors.As(err, &malformed) && !bytes.Contains(data, []byte(pngEnd)) {
		return nil, "", ErrTruncated
	}
	return m, "", err
}

// withPNGEnd supplies what is missing of the end chunk: Pillow, too, is content
// once all pixels are there.
func withPNGEnd(data []byte) io.Reader {
	n := len(pngEnd)
	for !bytes.HasSuffix(data, []byte(pngEnd[:n])) {
		n--
	}
	return io.MultiReader(bytes.NewReader(data), strings.NewReader(pngEnd[n:]))
}

// grey16 reports whether the header says 16-bit grey without alpha.
func grey16(data []byte) bool {
	const depth, colourType = 24, 25
	return len(data) > colourType && data[depth] == 16 && data[colourType] == 0
}

// decodeGrey16 undoes image/png's turning grey with a transparent level into
// colours, whose high byte FromGo would keep.
func decodeGrey16(r io.Reader) (image.Image, error) {
	m, err := png.Decode(r)
	c, ok := m.(*image.NRGBA64)
	if err != nil || !ok {
		return m, err
	}
	g := image.NewGray16(c.Rect)
	for i := range len(g.Pix) / 2 {
		copy(g.Pix[2*i:2*i+2], c.Pix[8*i:])
	}
	return g, nil
}

func decodeBMP(data []byte, opt Options) (*Image, string, error) {
	m, err := decodeWith(bmp.DecodeConfig, bmp.Decode, data, bytes.NewReader(data), opt)
	return m, "", err
}

// Tags of TIFF directories, which EXIF shares.
const (
	tagCompression     = 259
	tagPhotometric     = 262
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagPlanarConfig    = 284
)

// decodeTIFF decodes the first picture. Grey and palette of 1 and 8 bits, RGB
// and RGBA of 8 bits and 16-bit samples are supported; CMYK, grey with alpha,
// JPEG compression and floating point are errors.
func decodeTIFF(data []byte, opt Options) (*Image, string, error) {
	tags := directory(data)
	if tags[tagPlanarConfig] == 2 && tags[tagSamplesPerPixel] > 1 {
		return nil, "", errors.New("samples in separate planes are unsupported; store them interleaved")
	}
	m, err := decodeWith(tiff.DecodeConfig, tiff.Decode, data, bytes.NewReader(data), opt)
	if err != nil {
		return nil, "", err
	}
	if invertedFax(tags) {
		for i, v := range m.Pix {
			m.Pix[i] = 255 - v
		}
	}
	return orient(m, int(tags[tagOrientation])), "", nil
}

// invertedFax reports whether a fax-compressed picture declares its zeros
// black. Runs of "white" are then black, which x/image/tiff does not do.
func invertedFax(tags map[uint16]uint32) bool {
	const group3, group4, blackIsZero = 3, 4, 1
	fax := tags[tagCompression] == group3 || tags[tagCompression] == group4
	return fax && tags[tagPhotometric] == blackIsZero
}

// decodeWith checks the header's size before it decodes all of r.
func decodeWith(
	config func(io.Reader) (image.Config, error),
	decode func(io.Reader) (image.Image, error),
	data []byte, r io.Reader, opt Options,
) (*Image, error) {
	c, err := config(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := opt.check(c.Width, c.Height); err != nil {
		return nil, err
	}
	m, err := decode(r)
	if err != nil {
		return nil, err
	}
	if b := m.Bounds(); b.Dx() != c.Width || b.Dy() != c.Height {
		return nil, fmt.Errorf("header says %dx%d pixels, decoded %dx%d", c.Width, c.Height, b.Dx(), b.Dy())
	}
	return FromGo(m), nil
}
