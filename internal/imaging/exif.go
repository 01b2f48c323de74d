package imaging

import "encoding/binary"

// upright is the orientation of a picture that needs no turning.
const upright = 1

const exifHeader = "Exif\x00\x00"

// jpegOrientation finds the orientation in the first EXIF segment.
func jpegOrientation(data []byte) int {
	const app1, startOfScan = 0xe1, 0xda
	for i := 2; i+4 <= len(data) && data[i] == 0xff; {
		marker := data[i+1]
		if marker == 0xff { // fill byte
			i++
			continue
		}
		n := int(binary.BigEndian.Uint16(data[i+2:]))
		if marker == startOfScan || n < 2 || i+2+n > len(data) {
			break
		}
		segment := data[i+4 : i+2+n]
		if marker == app1 && prefix(exifHeader)(segment) {
			return exifOrientation(segment)
		}
		i += 2 + n
	}
	return upright
}

// pngOrientation finds the orientation in the eXIf chunk.
func pngOrientation(data []byte) int {
	for rest := data[len(pngMagic):]; len(rest) >= 12; {
		n := int64(binary.BigEndian.Uint32(rest))
		if n > int64(len(rest)-12) {
			break
		}
		if string(rest[4:8]) == "eXIf" {
			return exifOrientation(rest[8 : 8+n])
		}
		rest = rest[12+n:]
	}
	return upright
}

// webpOrientation finds the orientation in the EXIF chunk.
func webpOrientation(data []byte) int {
	body, err := riffBody(data)
	if err != nil {
		return upright
	}
	list, err := chunks(body)
	if err != nil {
		return upright
	}
	for _, c := range list {
		if c.id == "EXIF" {
			return exifOrientation(c.data)
		}
	}
	return upright
}

// exifOrientation reads the orientation of an EXIF block, with or without its
// header.
func exifOrientation(block []byte) int {
	if prefix(exifHeader)(block) {
		block = block[len(exifHeader):]
	}
	return int(directory(block)[tagOrientation])
}

// directory returns the values of the first TIFF directory that are one SHORT
// or LONG; it is empty where the block is malformed.
func directory(block []byte) map[uint16]uint32 {
	const short, long = 3, 4
	tags := map[uint16]uint32{}
	if len(block) < 8 {
		return tags
	}
	var order binary.ByteOrder = binary.LittleEndian
	if block[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(block[4:]))
	if at+2 > int64(len(block)) {
		return tags
	}
	entries := block[at+2:]
	for range order.Uint16(block[at:]) {
		if len(entries) < 12 {
			break
		}
		tag, kind, count := order.Uint16(entries), order.Uint16(entries[2:]), order.Uint32(entries[4:])
		switch {
		case count == 1 && kind == short:
			tags[tag] = uint32(order.Uint16(entries[8:]))
		case count == 1 && kind == long:
			tags[tag] = order.Uint32(entries[8:])
		}
		entries = entries[12:]
	}
	return tags
}

// orient turns a picture upright. Orientations 1 to 8 are EXIF's; others leave
// it as it is. From 5 on, rows and columns change places.
func orient(m *Image, orientation int) *Image {
	if orientation <= upright || orientation > 8 {
		return m
	}
	w, h := m.W, m.H
	if orientation >= 5 {
		w, h = h, w
	}
	dst := New(w, h)
	for y := range h {
		for x := range w {
			sx, sy := source(orientation, x, y, m.W, m.H)
			copy(dst.Pix[3*(y*w+x):3*(y*w+x)+3], m.Pix[3*(sy*m.W+sx):])
		}
	}
	return dst
}

// source returns the pixel of a w x h picture that is shown at x, y.
func source(orientation, x, y, w, h int) (sx, sy int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	default:
		return x, y
	}
}
