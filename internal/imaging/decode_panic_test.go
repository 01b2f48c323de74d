package imaging

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestDecodeSurvivesADecoderThatPanics(t *testing.T) {
	was := formats
	t.Cleanup(func() { formats = was })
	broken := format{
		name: "broken", decoder: named("test"), matches: prefix("broken"), orientation: noOrientation,
		decode: func(data []byte, _ Options) (*Image, string, error) {
			return &Image{Pix: data[len(data):][:1:1]}, "", nil
		},
	}
	formats = append(slices.Clone(was), broken)
	m, info, err := Decode([]byte("broken"), Options{})
	if m != nil || err == nil || !strings.HasPrefix(err.Error(), "broken: the decoder fails on this file: ") {
		t.Errorf("got %v, %v", m, err)
	}
	if info.Format != "broken" || info.Warning != "" {
		t.Errorf("got %+v", info)
	}
}

func TestDecodeNamesTheFormatOnce(t *testing.T) {
	for format, data := range map[string]string{
		"png": pngMagic + "\x00\x00\x00\x01IHDRx" + pngEnd, "bmp": "BM" + strings.Repeat("x", 100), "tiff": "II*\x00\xff\xff\xff\xff",
		"gif": "GIF89a" + strings.Repeat("\x00", 20),
	} {
		_, _, err := Decode([]byte(data), Options{})
		if err == nil || !strings.HasPrefix(err.Error(), format+": ") || strings.Count(err.Error(), format+":") != 1 {
			t.Errorf("%s: got %v", format, err)
		}
	}
	inner := errors.New("png: invalid format")
	if err := prefixed("png", inner); err != inner {
		t.Errorf("got %v", err)
	}
}
