package corruption

import (
	"math/rand/v2"
	"testing"

	"quba/internal/imaging"
)

// TestDisplaceCopies: each pixel that moves takes the value on its left; a swap
// would carry the last one along to the left.
func TestDisplaceCopies(t *testing.T) {
	m := imaging.New(6, 5)
	for i := range m.W * m.H {
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = byte(i), byte(i+100), byte(i+200)
	}
	offsets := make([]int8, 2*4*3)
	for i := range offsets {
		offsets[i] = -1
		if i%2 == 1 {
			offsets[i] = 0
		}
	}
	displace(m, 1, fixedOffsets{offsets: offsets})
	want := [][]byte{
		{0, 1, 2, 3, 4, 5},
		{6, 7, 8, 9, 10, 11},
		{12, 13, 13, 14, 15, 16},
		{18, 19, 19, 20, 21, 22},
		{24, 25, 25, 26, 27, 28},
	}
	for y, row := range want {
		for x, v := range row {
			r, g, b := m.At(x, y)
			if r != v || g != v+100 || b != v+200 {
				t.Errorf("pixel (%d, %d) is (%d, %d, %d), want that of %d", x, y, r, g, b, v)
			}
		}
	}
}

type fixedOffsets struct {
	random
	offsets []int8
}

func (f fixedOffsets) Offsets(dst []int8, _ int) { copy(dst, f.offsets) }

func TestGlassBlurOfTinyImages(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 30}, {3, 5}, {8, 8}, {9, 200}} {
		for severity := 1; severity <= MaxSeverity; severity++ {
			src := noiseImage(size[0], size[1])
			before := src.Clone()
			dst := imaging.New(src.W, src.H)
			d := NewDraws(rand.New(rand.NewPCG(1, 2)))
			if err := glassBlur(dst, src, severity, d, Options{}); err != nil {
				t.Fatal(err)
			}
			if string(before.Pix) != string(src.Pix) {
				t.Fatalf("%dx%d: the input was written", src.W, src.H)
			}
		}
	}
}
