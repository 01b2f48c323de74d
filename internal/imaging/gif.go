package imaging

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"errors"
	"io"
)

// gifReader walks the blocks of a GIF up to its first frame. image/gif is not
// used because it forgets the colour of the transparent index, which Pillow's
// convert("RGB") shows.
type gifReader struct {
	rest        []byte
	global      *palette
	transparent byte
}

// gifFrame is the first frame's descriptor.
type gifFrame struct {
	x, y, w, h int
	interlaced bool
	colours    *palette
}

// decodeGIF decodes the first frame. Pixels that it leaves open take the
// transparent colour, or colour 0.
func decodeGIF(data []byte, opt Options) (*Image, string, error) {
	g := &gifReader{rest: data[6:]}
	w, h, err := g.screen()
	if err != nil {
		return nil, "", err
	}
	f, err := g.frame()
	if err != nil {
		return nil, "", err
	}
	w, h = max(w, f.x+f.w), max(h, f.y+f.h)
	if err := opt.check(w, h); err != nil {
		return nil, "", err
	}
	indices, err := g.pixels(f)
	if err != nil {
		return nil, "", err
	}
	dst := New(w, h)
	dst.fill(f.colours[g.transparent])
	for i := range f.h {
		y := f.y + f.line(i)
		row := dst.Pix[3*(y*w+f.x) : 3*(y*w+f.x+f.w)]
		f.colours.row(row, indices[i*f.w:])
	}
	return dst, "", nil
}

// take returns the next n bytes.
func (g *gifReader) take(n int) ([]byte, error) {
	if n > len(g.rest) {
		return nil, ErrTruncated
	}
	b := g.rest[:n]
	g.rest = g.rest[n:]
	return b, nil
}

// screen reads the logical screen descriptor and the global palette.
func (g *gifReader) screen() (w, h int, err error) {
	b, err := g.take(7)
	if err != nil {
		return 0, 0, err
	}
	g.global, err = g.palette(b[4])
	return int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])), err
}

// palette reads the colour table that flags announce; nil if there is none.
func (g *gifReader) palette(flags byte) (*palette, error) {
	if flags&0x80 == 0 {
		return nil, nil
	}
	b, err := g.take(3 << (flags&7 + 1))
	if err != nil {
		return nil, err
	}
	p := new(palette)
	for i := range len(b) / 3 {
		copy(p[i][:], b[3*i:])
	}
	return p, nil
}

// frame skips extensions and reads the first image descriptor.
func (g *gifReader) frame() (gifFrame, error) {
	for {
		b, err := g.take(1)
		if err != nil {
			return gifFrame{}, err
		}
		switch b[0] {
		case '!':
			if err := g.extension(); err != nil {
				return gifFrame{}, err
			}
		case ',':
			return g.descriptor()
		case ';':
			return gifFrame{}, errors.New("there is no frame")
		}
	}
}

// extension reads one extension; the graphic control one may name a
// transparent index.
func (g *gifReader) extension() error {
	const graphicControl = 0xf9
	label, err := g.take(1)
	if err != nil {
		return err
	}
	body, err := g.blocks()
	if err != nil {
		return err
	}
	if label[0] == graphicControl && len(body) >= 4 && body[0]&1 != 0 {
		g.transparent = body[3]
	}
	return nil
}

func (g *gifReader) descriptor() (gifFrame, error) {
	b, err := g.take(9)
	if err != nil {
		return gifFrame{}, err
	}
	at := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	f := gifFrame{x: at(0), y: at(2), w: at(4), h: at(6), interlaced: b[8]&0x40 != 0}
	if f.w == 0 || f.h == 0 {
		return gifFrame{}, errors.New("frame must have pixels")
	}
	local, err := g.palette(b[8])
	if err != nil {
		return gifFrame{}, err
	}
	switch {
	case local != nil:
		f.colours = local
	case g.global != nil:
		f.colours = g.global
	default:
		f.colours = greyPalette()
	}
	return f, nil
}

// greyPalette is what Pillow shows where a file has no colour table.
func greyPalette() *palette {
	p := new(palette)
	for i := range p {
		p[i] = [3]byte{byte(i), byte(i), byte(i)}
	}
	return p
}

// blocks joins data sub-blocks. The terminator may be missing at the file's end.
func (g *gifReader) blocks() ([]byte, error) {
	var body []byte
	for len(g.rest) > 0 {
		n := int(g.rest[0])
		g.rest = g.rest[1:]
		if n == 0 {
			break
		}
		b, err := g.take(n)
		if err != nil {
			return nil, err
		}
		body = append(body, b...)
	}
	return body, nil
}

// pixels decompresses the palette indices, in the order of the file's lines.
func (g *gifReader) pixels(f gifFrame) ([]byte, error) {
	b, err := g.take(1)
	if err != nil {
		return nil, err
	}
	if b[0] < 1 || b[0] > 8 {
		return nil, errors.New("code size must be 1..8 bits")
	}
	body, err := g.blocks()
	if err != nil {
		return nil, err
	}
	indices := make([]byte, f.w*f.h)
	r := lzw.NewReader(bytes.NewReader(body), lzw.LSB, int(b[0]))
	defer r.Close()
	_, err = io.ReadFull(r, indices)
	return indices, err
}

// line returns the row of the i-th line in the file.
func (f gifFrame) line(i int) int {
	if !f.interlaced {
		return i
	}
	for _, pass := range [...]struct{ first, step int }{{0, 8}, {4, 8}, {2, 4}, {1, 2}} {
		n := (f.h - pass.first + pass.step - 1) / pass.step
		if i < n {
			return pass.first + i*pass.step
		}
		i -= max(n, 0)
	}
	return f.h - 1
}
