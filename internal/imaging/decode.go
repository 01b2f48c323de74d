package imaging

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// DefaultMaxPixels is the limit of Decode where Options give none: 64 megapixels.
const DefaultMaxPixels = 64 << 20

// ErrTooLarge is wrapped where a header asks for more pixels than allowed.
var ErrTooLarge = errors.New("image is too large")

// ErrTruncated is wrapped where a file ends before its pixels do.
var ErrTruncated = errors.New("file is truncated")

// Options limit and adjust Decode.
type Options struct {
	// MaxPixels bounds width x height; 0 or less means DefaultMaxPixels.
	MaxPixels int64
	// ApplyEXIF turns the picture upright as its EXIF orientation says. Neither
	// torchvision nor timm does so. TIFF's own orientation is always applied,
	// as Pillow applies it.
	ApplyEXIF bool
	// Memory may be what the pixels are written to, where it has room; nothing
	// else may use it as long as the picture is in use. It only saves time.
	Memory []byte
}

// picture is New, but for pixels that may be anything: the caller writes all
// of them.
func (o Options) picture(w, h int) *Image {
	size := 3 * w * h
	if cap(o.Memory) >= size {
		return &Image{W: w, H: h, Pix: o.Memory[:size]}
	}
	return &Image{W: w, H: h, Pix: make([]byte, size, roundedSize(size))}
}

// check returns an error unless an image of w x h pixels may be allocated.
func (o Options) check(w, h int) error {
	limit := o.MaxPixels
	if limit <= 0 {
		limit = DefaultMaxPixels
	}
	if w < 1 || h < 1 {
		return fmt.Errorf("image must have pixels, got %dx%d", w, h)
	}
	if int64(w) > limit/int64(h) {
		return fmt.Errorf("%w: %dx%d pixels, at most %d are allowed", ErrTooLarge, w, h, limit)
	}
	return nil
}

// Info says where an image's pixels come from.
type Info struct {
	// Format is jpeg, png, webp, bmp, tiff or gif.
	Format string
	// Decoder names the code that decoded, such as "libjpeg-turbo 2.1.5".
	Decoder string
	// Warning is the first complaint of a decoder that went on, as Pillow does,
	// over damage that left pixels in doubt; "" if there was none.
	Warning string
}

// format is one kind of picture file.
type format struct {
	name    string
	decoder func() string
	matches func(data []byte) bool
	decode  func(data []byte, opt Options) (*Image, string, error)
	// orientation finds the EXIF orientation; nil if decode applies it.
	orientation func(data []byte) int
}

func named(s string) func() string { return func() string { return s } }

func prefix(magics ...string) func([]byte) bool {
	return func(data []byte) bool {
		for _, m := range magics {
			if len(data) >= len(m) && string(data[:len(m)]) == m {
				return true
			}
		}
		return false
	}
}

var formats = []format{
	{"jpeg", JPEGDecoder, prefix("\xff\xd8\xff"), decodeJPEG, jpegOrientation},
	{"png", named("go image/png"), prefix(pngMagic), decodePNG, pngOrientation},
	{"webp", named("golang.org/x/image/webp + fancy upsampling"), isWebP, decodeWebP, webpOrientation},
	{"bmp", named("golang.org/x/image/bmp"), prefix("BM"), decodeBMP, noOrientation},
	{"tiff", named("golang.org/x/image/tiff"), prefix("II*\x00", "MM\x00*"), decodeTIFF, nil},
	{"gif", named("go compress/lzw"), prefix("GIF87a", "GIF89a"), decodeGIF, noOrientation},
}

func noOrientation([]byte) int { return upright }

// Decode returns the first picture in data as Pillow's convert("RGB") makes it:
// grey becomes three equal channels, alpha is dropped without compositing,
// 16-bit grey is limited to 255, other 16-bit samples keep their high byte. The
// format is told by content. The header's size is checked before pixels are
// allocated. A file that ends too early is an error that wraps ErrTruncated. A
// decoder that panics over a file makes an error, too.
func Decode(data []byte, opt Options) (m *Image, info Info, err error) {
	f, err := detect(data)
	if err != nil {
		return nil, Info{}, err
	}
	info = Info{Format: f.name, Decoder: f.decoder()}
	defer func() {
		if cause := recover(); cause != nil {
			m, err = nil, fmt.Errorf("%s: the decoder fails on this file: %v", f.name, cause)
		}
	}()
	m, warning, err := f.decode(data, opt)
	if err != nil {
		return nil, info, prefixed(f.name, truncation(err))
	}
	info.Warning = warning
	if opt.ApplyEXIF && f.orientation != nil {
		m = orient(m, f.orientation(data))
	}
	return m, info, nil
}

func detect(data []byte) (format, error) {
	if len(data) == 0 {
		return format{}, errors.New("file is empty")
	}
	for _, f := range formats {
		if f.matches(data) {
			return f, nil
		}
	}
	return format{}, fmt.Errorf("content must be JPEG, PNG, WebP, BMP, TIFF or GIF, got a file that begins with %q", data[:min(12, len(data))])
}

// prefixed puts the format before an error, unless its decoder has done so.
func prefixed(format string, err error) error {
	if strings.HasPrefix(err.Error(), format+": ") {
		return err
	}
	return fmt.Errorf("%s: %w", format, err)
}

// truncation turns the end-of-file errors of Go's decoders into ErrTruncated.
func truncation(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return err
}
