package imaging

import (
	"fmt"
	"testing"
)

// photo is a noisy picture of the usual size of ImageNet's.
func photo() *Image {
	m := New(500, 375)
	v := uint32(1)
	for i := range m.Pix {
		v = v*1664525 + 1013904223
		m.Pix[i] = byte(v >> 24)
	}
	return m
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"jpeg420_wide.jpg", "jpeg_progressive.jpg", "png_rgba.png", "webp_lossy.webp"} {
		data := readFile(b, goldenDir, "in", name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(3 * mustDecode(b, data).W * mustDecode(b, data).H))
			b.ReportAllocs()
			for b.Loop() {
				mustDecode(b, data)
			}
		})
	}
}

func BenchmarkResize(b *testing.B) {
	src := photo()
	for f := range Filter(len(filterNames)) {
		b.Run(fmt.Sprintf("%s-341x256", f), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Resize(src, 341, 256, f)
			}
		})
	}
}

func BenchmarkTransform(b *testing.B) {
	src := photo()
	for _, f := range []Filter{Bilinear, Bicubic} {
		t := Transform{Mode: ResizeShorter, ResizeH: 256, Filter: f, CropW: 224, CropH: 224}
		b.Run(f.String()+"-256-crop-224", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := t.Apply(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
