package imaging

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	"golang.org/x/image/webp"
)

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// chunk is one chunk of a RIFF file.
type chunk struct {
	id   string
	data []byte
}

// chunks splits the body of a RIFF list. The last chunk may lack its padding.
func chunks(body []byte) ([]chunk, error) {
	var list []chunk
	for len(body) > 0 {
		if len(body) < 8 {
			return nil, ErrTruncated
		}
		n := int64(binary.LittleEndian.Uint32(body[4:]))
		if n > int64(len(body)-8) {
			return nil, ErrTruncated
		}
		list = append(list, chunk{string(body[:4]), body[8 : 8+n]})
		body = body[min(int64(len(body)), 8+n+n%2):]
	}
	return list, nil
}

// riffBody returns what the header's length covers, after the form type.
func riffBody(data []byte) ([]byte, error) {
	n := int64(binary.LittleEndian.Uint32(data[4:]))
	if n < 4 {
		return nil, errors.New("header length is too small")
	}
	if n > int64(len(data)-8) {
		return nil, ErrTruncated
	}
	return data[12 : 8+n], nil
}

// decodeWebP decodes WebP, lossy and lossless, and the first frame of an
// animation.
func decodeWebP(data []byte, opt Options) (*Image, string, error) {
	body, err := riffBody(data)
	if err != nil {
		return nil, "", err
	}
	list, err := chunks(body)
	if err != nil {
		return nil, "", err
	}
	if len(list) > 0 && list[0].id == "VP8X" {
		for _, c := range list {
			if c.id == "ANMF" {
				m, err := decodeWebPFrame(list[0].data, c.data, opt)
				return m, "", err
			}
		}
	}
	m, err := decodeWebPStill(data, opt)
	return m, "", err
}

func decodeWebPStill(data []byte, opt Options) (*Image, error) {
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := opt.check(c.Width, c.Height); err != nil {
		return nil, err
	}
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	dst := New(c.Width, c.Height)
	switch m := m.(type) {
	case *image.YCbCr:
		upsampleWebP(dst, m)
	case *image.NYCbCrA:
		upsampleWebP(dst, &m.YCbCr)
	default:
		return FromGo(m), nil
	}
	return dst, nil
}

// decodeWebPFrame decodes one frame of an animation onto a black canvas.
func decodeWebPFrame(header, frame []byte, opt Options) (*Image, error) {
	if len(header) < 10 || len(frame) < 16 {
		return nil, ErrTruncated
	}
	canvasW, canvasH := 1+uint24(header[4:]), 1+uint24(header[7:])
	if err := opt.check(canvasW, canvasH); err != nil {
		return nil, err
	}
	x, y := 2*uint24(frame), 2*uint24(frame[3:])
	w, h := 1+uint24(frame[6:]), 1+uint24(frame[9:])
	if x+w > canvasW || y+h > canvasH {
		return nil, errors.New("frame lies outside the canvas")
	}
	still, err := stillFile(frame[6:12], frame[16:])
	if err != nil {
		return nil, err
	}
	m, err := decodeWebPStill(still, opt)
	if err != nil {
		return nil, err
	}
	if m.W != w || m.H != h {
		return nil, errors.New("frame header and picture differ in size")
	}
	canvas := New(canvasW, canvasH)
	for row := range h {
		copy(canvas.Pix[3*((y+row)*canvasW+x):], m.Pix[3*row*w:3*(row+1)*w])
	}
	return canvas, nil
}

// stillFile wraps the chunks of a frame as a file of one picture. size is the
// frame's, as the file writes it.
func stillFile(size, body []byte) ([]byte, error) {
	list, err := chunks(body)
	if err != nil {
		return nil, err
	}
	const alphaBit = 1 << 4
	var flags byte
	if len(list) > 0 && list[0].id == "ALPH" {
		flags = alphaBit
	}
	var b bytes.Buffer
	b.WriteString("RIFF")
	length := 4 + 18 + len(body)
	_ = binary.Write(&b, binary.LittleEndian, uint32(length+length%2))
	b.WriteString("WEBPVP8X\x0a\x00\x00\x00")
	b.Write([]byte{flags, 0, 0, 0})
	b.Write(size)
	b.Write(body)
	if length%2 == 1 {
		b.WriteByte(0)
	}
	return b.Bytes(), nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// upsampleWebP converts a lossy picture as libwebp does: chroma interpolated
// with the weights 9, 3, 3, 1 in two rounded steps, colours in its own
// fixed-point arithmetic (upsampling.c, yuv.h).
func upsampleWebP(dst *Image, m *image.YCbCr) {
	cw, ch := (dst.W+1)/2, (dst.H+1)/2
	u, v := make([]byte, 2*cw), make([]byte, 2*cw)
	for y := range dst.H {
		far := max(0, y/2-1)
		if y%2 == 1 {
			far = min(ch-1, y/2+1)
		}
		upsampleWebPRow(u, m.Cb[y/2*m.CStride:][:cw], m.Cb[far*m.CStride:][:cw])
		upsampleWebPRow(v, m.Cr[y/2*m.CStride:][:cw], m.Cr[far*m.CStride:][:cw])
		webpRow(dst.Pix[3*y*dst.W:3*(y+1)*dst.W], m.Y[y*m.YStride:][:dst.W], u, v)
	}
}

func upsampleWebPRow(dst, near, far []byte) {
	last := len(near) - 1
	dst[0] = byte((3*int(near[0]) + int(far[0]) + 2) >> 2)
	dst[2*last+1] = byte((3*int(near[last]) + int(far[last]) + 2) >> 2)
	for x := range last {
		n0, n1, f0, f1 := int(near[x]), int(near[x+1]), int(far[x]), int(far[x+1])
		sum := n0 + n1 + f0 + f1 + 8
		dst[2*x+1] = byte(((sum+2*(n1+f0))>>3 + n0) >> 1)
		dst[2*x+2] = byte(((sum+2*(n0+f1))>>3 + n1) >> 1)
	}
}

func webpRow(dst, luma, u, v []byte) {
	u, v = u[:len(luma)], v[:len(luma)]
	for i := range luma {
		y, b, r := int(luma[i])*19077>>8, int(u[i]), int(v[i])
		q := dst[3*i : 3*i+3 : 3*i+3]
		q[0] = clamp((y + r*26149>>8 - 14234) >> 6)
		q[1] = clamp((y - b*6419>>8 - r*13320>>8 + 8708) >> 6)
		q[2] = clamp((y + b*33050>>8 - 17685) >> 6)
	}
}
