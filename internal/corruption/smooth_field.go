package corruption

// smoothField convolves the h rows of w numbers of field with Gaussians of the
// standard deviations sigmaY and sigmaX, cut at truncate of them, mirrored at
// the edges (the reflect mode of scipy.ndimage). The standard deviations may
// be larger than the field.
func smoothField(field []float64, w, h int, sigmaY, sigmaX, truncate float64) {
	vertical := axisOf(axisKey{n: h, sigma: sigmaY, truncate: truncate})
	horizontal := axisOf(axisKey{n: w, sigma: sigmaX, truncate: truncate})
	frequencies := len(vertical.gains) + len(horizontal.gains)
	// Each frequency costs two passes over the field, each neighbour one.
	if 2*frequencies < vertical.radius()+horizontal.radius() {
		smoothByFrequencies(field, w, h, vertical, horizontal)
		return
	}
	smoothByNeighbours(field, w, h, vertical, horizontal)
}

func smoothByNeighbours(field []float64, w, h int, vertical, horizontal *axis) {
	r := horizontal.radius()
	src, padded := borrowFloats(w*h), borrowFloats(w+2*r)
	defer floatPool.Put(src)
	defer floatPool.Put(padded)
	copy(*src, field)
	rows := make([]pair, len(vertical.kernel))
	for y := range h {
		vertical.rows(rows, y, w)
		fastest.pairs((*padded)[r:r+w], *src, rows, vertical.kernel)
		horizontal.blur(field[y*w:(y+1)*w], *padded)
	}
}

// smoothByFrequencies writes each axis as L + E: its low frequencies, which
// have few components, and the rest. Of the four products (Ly+Ey) X (Lx+Ex)'
// it leaves out Ey X Ex', which is negligible, and gets the others as
//
//	Ly X Gx' + (Gy - Ly) X Lx'
//
// from the low components of X alone, where G is the whole convolution.
func smoothByFrequencies(field []float64, w, h int, vertical, horizontal *axis) {
	ky, kx := len(vertical.gains), len(horizontal.gains)
	low := borrowFloats(ky*w + kx*h)
	defer floatPool.Put(low)
	columns, rows := (*low)[:ky*w], (*low)[ky*w:]
	components(columns, rows, field, vertical, horizontal)

	// The sum is over ky waves along y, whose heights are the columns, and kx
	// along x; after the blurred columns and the waves along x come the
	// blurred rows.
	work := borrowFloats((ky+kx)*w + kx*h)
	defer floatPool.Put(work)
	lines, blurredRows := (*work)[:(ky+kx)*w], (*work)[(ky+kx)*w:]
	horizontal.blurAll(lines[:ky*w], columns)
	copy(lines[ky*w:], horizontal.waves)
	vertical.blurAll(blurredRows, rows)
	subtractLow(blurredRows, columns, vertical, horizontal)
	expand(field, lines, blurredRows, vertical, horizontal)
}

// components writes the low components of field: along y, ky rows of w
// numbers, and along x, kx rows of h.
func components(columns, rows, field []float64, vertical, horizontal *axis) {
	w, h := horizontal.n, vertical.n
	starts := make([]int32, h)
	for y := range starts {
		starts[y] = int32(y * w)
	}
	for k := range vertical.gains {
		fastest.taps(columns[k*w:(k+1)*w], field, starts, vertical.wave(k))
	}
	for y := range h {
		for k := range horizontal.gains {
			rows[k*h+y] = dot(field[y*w:(y+1)*w], horizontal.wave(k))
		}
	}
}

// subtractLow takes the low frequencies along y off the rows.
func subtractLow(rows, columns []float64, vertical, horizontal *axis) {
	w, h := horizontal.n, vertical.n
	for l := range horizontal.gains {
		row := rows[l*h : (l+1)*h]
		for k, gain := range vertical.gains {
			both := gain * dot(columns[k*w:(k+1)*w], horizontal.wave(l))
			for y, v := range vertical.wave(k) {
				row[y] -= both * v
			}
		}
	}
}

// expand sums the lines, each times its height in a row of the field.
func expand(field, lines, rows []float64, vertical, horizontal *axis) {
	w, h := horizontal.n, vertical.n
	count := len(lines) / w
	starts, heights := make([]int32, count), make([]float64, count)
	for k := range starts {
		starts[k] = int32(k * w)
	}
	for y := range h {
		for k, gain := range vertical.gains {
			heights[k] = gain * vertical.wave(k)[y]
		}
		for l, gain := range horizontal.gains {
			heights[len(vertical.gains)+l] = gain * rows[l*h+y]
		}
		fastest.taps(field[y*w:(y+1)*w], lines, starts, heights)
	}
}

func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+3 < len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
