package compose

import (
	"image"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/imaging"
	"quba/pipeline/pipelinetest"
)

// ramp is an image whose pixels tell their place: red is x, green is y.
func ramp(w, h int) *imaging.Image {
	m := imaging.New(w, h)
	for y := range h {
		for x := range w {
			copy(m.Pix[3*(y*w+x):], []byte{byte(x), byte(y), 9})
		}
	}
	return m
}

func TestStrip(t *testing.T) {
	for name, test := range map[string]struct{ box, want image.Rectangle }{
		"left":              {image.Rect(5, 2, 9, 8), image.Rect(0, 0, 5, 10)},
		"right":             {image.Rect(1, 2, 4, 8), image.Rect(4, 0, 10, 10)},
		"above":             {image.Rect(2, 6, 8, 9), image.Rect(0, 0, 10, 6)},
		"below":             {image.Rect(2, 1, 8, 3), image.Rect(0, 3, 10, 10)},
		"below before all":  {image.Rect(3, 3, 7, 7), image.Rect(0, 7, 10, 10)},
		"right before left": {image.Rect(3, 0, 7, 10), image.Rect(7, 0, 10, 10)},
		"last column":       {image.Rect(0, 0, 9, 10), image.Rect(9, 0, 10, 10)},
	} {
		if got := strip(10, 10, test.box); got != test.want {
			t.Errorf("%s: strip beside %v is %v, want %v", name, test.box, got, test.want)
		}
	}
}

// The strip is a largest rectangle beside the box, found by trying all.
func TestStripIsLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 8).Draw(t, "w"), rapid.IntRange(1, 8).Draw(t, "h")
		x0, y0 := rapid.IntRange(0, w-1).Draw(t, "x0"), rapid.IntRange(0, h-1).Draw(t, "y0")
		box := image.Rect(x0, y0, rapid.IntRange(x0+1, w).Draw(t, "x1"), rapid.IntRange(y0+1, h).Draw(t, "y1"))
		largest := 0
		for a := range w {
			for b := range h {
				for c := a + 1; c <= w; c++ {
					for d := b + 1; d <= h; d++ {
						if r := image.Rect(a, b, c, d); !r.Overlaps(box) {
							largest = max(largest, r.Dx()*r.Dy())
						}
					}
				}
			}
		}
		got := strip(w, h, box)
		if got.Overlaps(box) || !got.In(image.Rect(0, 0, w, h)) || got.Dx()*got.Dy() != largest {
			t.Fatalf("strip beside %v of %dx%d is %v, the largest has %d pixels", box, w, h, got, largest)
		}
	})
}

func TestTileBox(t *testing.T) {
	for name, test := range map[string]struct {
		box  image.Rectangle
		from func(x, y int) (int, int)
	}{
		"left strip":  {image.Rect(4, 1, 10, 8), func(x, y int) (int, int) { return x % 4, y }},
		"right strip": {image.Rect(1, 1, 9, 8), func(x, y int) (int, int) { return 9 + x%3, y }},
		"above":       {image.Rect(0, 5, 11, 8), func(x, y int) (int, int) { return x, y % 5 }},
		"below":       {image.Rect(1, 1, 11, 3), func(x, y int) (int, int) { return x, 3 + y%5 }},
	} {
		m := ramp(12, 8)
		before := m.Clone()
		got := tileBox(m, test.box)
		if string(m.Pix) != string(before.Pix) {
			t.Errorf("%s: the image itself was changed", name)
		}
		for y := range 8 {
			for x := range 12 {
				fromX, fromY := x, y
				if image.Pt(x, y).In(test.box) {
					fromX, fromY = test.from(x, y)
				}
				if pixel(got, x, y) != pixel(m, fromX, fromY) {
					t.Fatalf("%s: pixel %d, %d is %v, want that of %d, %d", name, x, y, pixel(got, x, y), fromX, fromY)
				}
			}
		}
	}
}

// Image and mask go through the same geometry: where the image's colours say
// inside, the mask does too.
func TestCropKeepsForegroundInPlace(t *testing.T) {
	for _, size := range [][2]int{{224, 224}, {500, 375}, {375, 500}, {100, 61}, {1024, 768}} {
		w, h := size[0], size[1]
		m := imaging.New(w, h)
		foreground := rectangle(m, [4]int{w / 3, h / 4, 2 * w / 3, 3 * h / 4})
		for i, inside := range foreground {
			if inside {
				copy(m.Pix[3*i:], []byte{255, 255, 255})
			}
		}
		part, err := crop(m, foreground)
		if err != nil {
			t.Fatal(err)
		}
		for i, inside := range part.mask {
			if v := part.picture.Pix[3*i]; inside && v < 64 || !inside && v > 191 {
				t.Fatalf("%dx%d: pixel %d, %d has the level %d, inside is %v", w, h, i%side, i/side, v, inside)
			}
		}
		if part.kept < 0.9 || part.kept > 1.1 {
			t.Errorf("%dx%d: the crop keeps %g of a central foreground", w, h, part.kept)
		}
	}
}

func TestLimits(t *testing.T) {
	square := func(box [4]int) []bool { return rectangle(imaging.New(256, 256), box) }
	diagonal := make([]bool, 256*256)
	for i := range 200 {
		for k := range 3 {
			diagonal[(i+28)*256+i+26+k] = true
		}
	}
	for name, test := range map[string]struct {
		foreground []bool
		words      string // "" is within the limits
	}{
		"empty":           {square([4]int{}), "the centre crop has no foreground"},
		"outside":         {square([4]int{0, 0, 256, 16}), "the centre crop has no foreground"},
		"small":           {square([4]int{100, 100, 122, 122}), "too small: 0.96% of the crop, at least 1% are needed"},
		"not small":       {square([4]int{100, 100, 123, 122}), ""},
		"large":           {square([4]int{16, 16, 230, 230}), "too large: its box is 91.3% of the crop, at most 90% leave a background"},
		"not large":       {square([4]int{16, 16, 228, 228}), ""},
		"two corners":     {union(square([4]int{16, 16, 60, 60}), square([4]int{200, 200, 240, 240})), "too large: its box is 100.0% of the crop"},
		"scattered":       {diagonal, "scattered: it fills 1.5% of its box, at least 10% are needed"},
		"off centre":      {square([4]int{0, 100, 31, 200}), "off centre: 48% of it is inside the crop, at least 50% are needed"},
		"half off centre": {square([4]int{0, 100, 32, 200}), ""},
	} {
		part, err := crop(pipelinetest.Picture(256, 256, 1), test.foreground)
		if err != nil {
			t.Fatal(err)
		}
		err = part.check()
		switch {
		case test.words == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.words != "" && (err == nil || !strings.Contains(err.Error(), test.words)):
			t.Errorf("%s: error is %v, want one with %q", name, err, test.words)
		}
	}
}

func union(a, b []bool) []bool {
	for i := range a {
		a[i] = a[i] || b[i]
	}
	return a
}

func TestPackedMasks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := make(mask, side*side)
		for _, i := range rapid.SliceOf(rapid.IntRange(0, side*side-1)).Draw(t, "inside") {
			want[i] = true
		}
		got := unpack(want.packed())
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("pixel %d is %v, want %v", i, got[i], want[i])
			}
		}
	})
}
