package imaging

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawSize(t *rapid.T, name string) int {
	return rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(1, 300)).Draw(t, name)
}

func drawFilter(t *rapid.T) Filter {
	return rapid.Custom(func(t *rapid.T) Filter {
		return Filter(rapid.IntRange(0, len(filterNames)-1).Draw(t, "filter"))
	}).Draw(t, "f")
}

func drawImage(t *rapid.T) *Image {
	m := New(drawSize(t, "w"), drawSize(t, "h"))
	v := rapid.Uint32().Draw(t, "seed") | 1
	for i := range m.Pix {
		v ^= v << 13
		v ^= v >> 17
		v ^= v << 5
		m.Pix[i] = byte(v)
	}
	return m
}

func TestResizeOfConstantIsConstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := New(drawSize(t, "w"), drawSize(t, "h"))
		rgb := [3]byte{rapid.Byte().Draw(t, "r"), rapid.Byte().Draw(t, "g"), rapid.Byte().Draw(t, "b")}
		src.fill(rgb)
		got := Resize(src, drawSize(t, "to w"), drawSize(t, "to h"), drawFilter(t))
		want := New(got.W, got.H)
		want.fill(rgb)
		if !bytes.Equal(got.Pix, want.Pix) {
			t.Fatalf("not constant: begins %v, want %v", got.Pix[:3], rgb)
		}
	})
}

func TestIdentityResizeKeepsPixels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawImage(t)
		got := Resize(src, src.W, src.H, drawFilter(t))
		if !bytes.Equal(got.Pix, src.Pix) {
			t.Fatal("pixels changed")
		}
		if &got.Pix[0] == &src.Pix[0] {
			t.Fatal("pixels are shared")
		}
	})
}

// crop is the crop that Apply fuses, by copying pixels.
func crop(m *Image, x0, y0, w, h int, pad [3]byte) *Image {
	out := New(w, h)
	out.fill(pad)
	for y := range h {
		for x := range w {
			if x+x0 >= 0 && x+x0 < m.W && y+y0 >= 0 && y+y0 < m.H {
				r, g, b := m.At(x+x0, y+y0)
				copy(out.Pix[3*(y*w+x):], []byte{r, g, b})
			}
		}
	}
	return out
}

// offset is torchvision's crop offset in whole numbers: half to even, and
// padding before rounded down.
func offset(n, crop int) int {
	d := n - crop
	switch {
	case d < 0:
		return -(-d / 2)
	case d%4 == 3:
		return d/2 + 1
	default:
		return d / 2
	}
}

func TestApplyEqualsResizeThenCrop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawImage(t)
		tr := Transform{
			Mode:    ResizeMode(rapid.IntRange(0, 3).Draw(t, "mode")),
			ResizeW: drawSize(t, "resize w"), ResizeH: drawSize(t, "resize h"),
			Filter: drawFilter(t), PadColor: [3]uint8{1, 2, 3},
		}
		if rapid.Bool().Draw(t, "crop") {
			tr.CropW, tr.CropH = drawSize(t, "crop w"), drawSize(t, "crop h")
		}
		whole := tr
		whole.CropW, whole.CropH = 0, 0
		w, h := whole.OutputSize(src.W, src.H)
		if w < 1 || h < 1 || w*h > 1<<17 {
			t.Skip("too large to compare")
		}
		want := Resize(src, w, h, tr.Filter)
		if tr.CropW > 0 {
			want = crop(want, offset(w, tr.CropW), offset(h, tr.CropH), tr.CropW, tr.CropH, tr.PadColor)
		}
		got, err := tr.Apply(src)
		if err != nil {
			t.Fatal(err)
		}
		if ow, oh := tr.OutputSize(src.W, src.H); got.W != ow || got.H != oh {
			t.Fatalf("%dx%d, OutputSize says %dx%d", got.W, got.H, ow, oh)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s of %dx%d: fused crop differs", tr, src.W, src.H)
		}
	})
}

func TestOutputSize(t *testing.T) {
	// The sizes are torchvision's and timm's, computed by hand from
	// int(size*long/short) and round(x/ratio).
	for _, c := range []struct {
		tr         Transform
		w, h       int
		outW, outH int
	}{
		{Transform{Mode: ResizeShorter, ResizeH: 256}, 500, 375, 341, 256},
		{Transform{Mode: ResizeShorter, ResizeH: 256}, 375, 500, 256, 341},
		{Transform{Mode: ResizeShorter, ResizeH: 256}, 256, 999, 256, 999},
		{Transform{Mode: ResizeShorter, ResizeH: 256, CropW: 224, CropH: 224}, 500, 375, 224, 224},
		{Transform{Mode: ResizeExact, ResizeW: 10, ResizeH: 20}, 500, 375, 10, 20},
		{Transform{Mode: ResizeLonger, ResizeH: 224}, 500, 375, 224, 168},
		{Transform{Mode: ResizeLonger, ResizeH: 5}, 10, 3, 5, 2},
		{Transform{Mode: ResizeLonger, ResizeH: 5}, 10, 5, 5, 2},
		{Transform{}, 7, 9, 7, 9},
	} {
		if w, h := c.tr.OutputSize(c.w, c.h); w != c.outW || h != c.outH {
			t.Errorf("%s of %dx%d: %dx%d, want %dx%d", c.tr, c.w, c.h, w, h, c.outW, c.outH)
		}
	}
}

func TestCropOffsets(t *testing.T) {
	for _, c := range []struct{ n, crop, lo, pad int }{
		{256, 224, 16, 0},
		{341, 224, 58, 0}, // 58.5 goes to the even 58
		{343, 224, 60, 0}, // 59.5 goes to the even 60
		{5, 8, 0, 1},
		{5, 5, 0, 0},
	} {
		if a := cropAxis(c.n, c.crop); a.lo != c.lo || a.pad != c.pad || a.out != c.crop {
			t.Errorf("%d from %d: %+v, want lo %d, pad %d", c.crop, c.n, a, c.lo, c.pad)
		}
	}
}

func TestApplyReturnsSourceWhenNothingToDo(t *testing.T) {
	src := New(30, 20)
	for _, tr := range []Transform{
		{},
		{Mode: ResizeShorter, ResizeH: 20, Filter: Bicubic},
		{Mode: ResizeExact, ResizeW: 30, ResizeH: 20, CropW: 30, CropH: 20},
	} {
		if got, err := tr.Apply(src); err != nil || got != src {
			t.Errorf("%s: %v, another image", tr, err)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	src := New(1, 65_500)
	for _, c := range []struct {
		tr   Transform
		want string
	}{
		{Transform{Filter: 9}, "filter must be one of"},
		{Transform{Mode: 9}, "resize mode is unknown"},
		{Transform{Mode: ResizeShorter}, "resize must be 1.."},
		{Transform{Mode: ResizeExact, ResizeW: 5}, "resize sides must be 1.."},
		{Transform{CropW: 5}, "crop must have two positive sides or none, got 5x0"},
		{Transform{CropW: -5, CropH: -5}, "crop must have two positive sides"},
		{Transform{Mode: ResizeShorter, ResizeH: 256}, "add a crop"},
		{Transform{Mode: ResizeShorter, ResizeH: 1 << 20}, "sides must be 1.."},
		{Transform{Mode: ResizeLonger, ResizeH: 224}, "0x224 pixels out of 1x65500"},
		{Transform{CropW: 1 << 20, CropH: 1 << 20}, "at most"},
	} {
		_, err := c.tr.Apply(src)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v; want one with %q", c.tr, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for f := range Filter(len(filterNames)) {
		if got, err := ParseFilter(f.String()); err != nil || got != f {
			t.Errorf("%s: %v, %v", f, got, err)
		}
	}
	if _, err := ParseFilter("cubic"); err == nil || !strings.Contains(err.Error(), `bicubic, lanczos, got "cubic"`) {
		t.Errorf("unknown filter: %v", err)
	}
	for want, v := range map[string]fmt.Stringer{
		"unchanged":  Transform{},
		"filter(99)": Filter(99),
		"resize shorter side to 256 (bicubic), centre crop 224x224": Transform{
			Mode: ResizeShorter, ResizeH: 256, Filter: Bicubic, CropW: 224, CropH: 224,
		},
		"resize to 384x224 (bilinear)":    Transform{Mode: ResizeExact, ResizeW: 384, ResizeH: 224, Filter: Bilinear},
		"resize longer side to 224 (box)": Transform{Mode: ResizeLonger, ResizeH: 224, Filter: Box},
	} {
		if v.String() != want {
			t.Errorf("%q, want %q", v, want)
		}
	}
}
