package corruption

import (
	"math"
	"testing"
)

func TestNewComet(t *testing.T) {
	m := newComet(2, 1, -90)
	for i, want := range []float64{1, 0.6065306597126334, 0.1353352832366127, 0.011108996538242306, 0.00033546262790251185} {
		if got := m.k[i] / m.k[0]; math.Abs(got-want) > 1e-15 {
			t.Errorf("weight %d is %v of the first, want %v", i, got, want)
		}
		if m.dx[i] != 0 || m.dy[i] != -i {
			t.Errorf("offset %d is (%d, %d), want (0, %d)", i, m.dx[i], m.dy[i], -i)
		}
	}
	if m := newComet(10, 3, 30); m.dy[3] != 1 || m.dx[3] != 3 || m.dy[20] != 10 || m.dx[20] != 17 {
		t.Errorf("at 30 degrees tap 3 is at (%d, %d) and tap 20 at (%d, %d), want (3, 1) and (17, 10)",
			m.dx[3], m.dy[3], m.dx[20], m.dy[20])
	}
}

func TestCometWithin(t *testing.T) {
	m := newComet(10, 3, 0).within(5, 9)
	if len(m.k) != 5 || len(m.dx) != 5 || len(m.dy) != 5 {
		t.Errorf("%d taps of 21 are within 5 columns, want 5", len(m.k))
	}
}

func TestCometBlur(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 5}, {60, 2}, {2, 60}} {
		for _, angle := range []float64{-120, -50, -3, 0, 44} {
			w, h := size[0], size[1]
			m := newComet(6, 4, angle)
			left, right := m.margins()
			plain := randomPlane(w * h)
			padded := make([]float64, h*(w+left+right))
			for y := range h {
				line := padded[y*(w+left+right) : (y+1)*(w+left+right)]
				copy(line[left:], plain[y*w:(y+1)*w])
				extend(line, w, 1, left, right, edgeNearest)
			}
			m.blur(padded, w, h, 1, func(y int, sums []float64) {
				for x, got := range sums {
					want := 0.0
					for i, k := range m.k {
						row, column := max(0, min(y+m.dy[i], h-1)), max(0, min(x+m.dx[i], w-1))
						want += k * plain[row*w+column]
					}
					if math.Abs(got-want) > 1e-14 {
						t.Fatalf("%dx%d at %v: (%d, %d) is %v, want %v", w, h, angle, x, y, got, want)
					}
				}
			})
		}
	}
}

// TestQuantum checks the two roundings on whole levels and beside a border.
func TestQuantum(t *testing.T) {
	for v := range 256 {
		for _, c := range []struct {
			level float64
			want  int
		}{
			{float64(v), v},
			{float64(v) - 1e-9, v},
			{float64(v) + 256.4/257, v},
			{float64(v) + 256.6/257, min(v+1, 255)},
		} {
			if c.level < 0 {
				continue
			}
			if got := int(quantum(c.level)); got != c.want {
				t.Errorf("quantum of %v is %d, want %d", c.level, got, c.want)
			}
		}
	}
}
