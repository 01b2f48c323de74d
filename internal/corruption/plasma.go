package corruption

// plasma fills the square map m of side n, a power of two, with the toroidal
// diamond-square fractal of the reference, whose detail falls by decay*decay
// from one level to the next. It returns the least number and the span from
// there to the greatest, by which the reference scales the map to 0..1.
// uniforms is working memory for n numbers.
func plasma[T float32 | float64](m []T, n int, decay float64, d Draws, uniforms []float64) (low, span T) {
	m[0] = 0
	amplitude := 100.0
	for step := n; step >= 2; step /= 2 {
		level := plasmaLevel[T]{m, n, step, amplitude, d, uniforms[:n/step]}
		level.squares()
		level.diamonds()
		amplitude /= decay
	}
	return extent(m)
}

// plasmaLevel halves the grid of m from step.
type plasmaLevel[T float32 | float64] struct {
	m         []T
	n, step   int
	amplitude float64
	d         Draws
	uniforms  []float64
}

// row is row y of the map, which wraps around.
func (l *plasmaLevel[T]) row(y int) []T {
	y &= l.n - 1
	return l.m[y*l.n:][:l.n]
}

// wibbled is the mean of four, which are given as their sum, and noise.
func (l *plasmaLevel[T]) wibbled(sum T, uniform float64) T {
	noise := float64(l.amplitude * (float64(2*l.amplitude*uniform) - l.amplitude))
	return T(float64(sum/4) + noise)
}

// squares sets the centres of all squares.
func (l *plasmaLevel[T]) squares() {
	half, wrap := l.step/2, l.n-1
	for y := 0; y < l.n; y += l.step {
		fillUniforms(l.uniforms, l.d)
		upper, lower, to := l.row(y), l.row(y+l.step), l.row(y+half)
		left := upper[0] + lower[0]
		for i, u := range l.uniforms {
			x := i * l.step
			right := upper[(x+l.step)&wrap] + lower[(x+l.step)&wrap]
			to[x+half] = l.wibbled(left+right, u)
			left = right
		}
	}
}

// diamonds sets the middles of the horizontal, then of the vertical edges.
func (l *plasmaLevel[T]) diamonds() {
	half, wrap := l.step/2, l.n-1
	for y := 0; y < l.n; y += l.step {
		fillUniforms(l.uniforms, l.d)
		to, lower, upper := l.row(y), l.row(y+half), l.row(y-half)
		for i, u := range l.uniforms {
			x := i * l.step
			sum := (lower[x+half] + upper[x+half]) + (to[x] + to[(x+l.step)&wrap])
			to[x+half] = l.wibbled(sum, u)
		}
	}
	for y := 0; y < l.n; y += l.step {
		fillUniforms(l.uniforms, l.d)
		upper, to, lower := l.row(y), l.row(y+half), l.row(y+l.step)
		for i, u := range l.uniforms {
			x := i * l.step
			sum := (to[x+half] + to[(x-half)&wrap]) + (upper[x] + lower[x])
			to[x] = l.wibbled(sum, u)
		}
	}
}

// extent returns the least number and the span from there to the greatest.
func extent[T float32 | float64](m []T) (low, span T) {
	low, high := m[0], m[0]
	for _, v := range m {
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	return low, high - low
}

// fillUniforms is Draws.Uniforms, faster for draws that have words.
func fillUniforms(dst []float64, d Draws) {
	g, ok := d.(words)
	if !ok || len(dst) < 16 {
		d.Uniforms(dst)
		return
	}
	s := splitMix(g.Uint64())
	for i := range dst {
		dst[i] = float64(s.next()>>11) * (1. / (1 << 53))
	}
}
