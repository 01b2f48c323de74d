package corruption

// pair are two places in working memory whose numbers share a weight.
type pair struct{ a, b int32 }

// sums are the inner loops of the blurs. Implementations give the same bits on
// amd64.
type sums interface {
	// pairs sets out[x] to the sum over j of k[j] (src[at[j].a+x] +
	// src[at[j].b+x]), in the order of j. out lies outside src.
	pairs(out, src []float64, at []pair, k []float64)
	// taps sets out[x] to the sum over j of k[j] src[at[j]+x], likewise.
	taps(out, src []float64, at []int32, k []float64)
	// zoom adds to sum the enlargement z of the row that lies between upper and
	// lower, part of the way. line is working memory of 16 numbers more than the
	// row; sum has zoomRoom numbers.
	zoom(sum, line, upper, lower []float32, part float32, z *zoomSteps)
}

// goSums are the sums in Go.
type goSums struct{}

var _ sums = goSums{}

func (goSums) pairs(out, src []float64, at []pair, k []float64) {
	clear(out)
	n := int32(len(out))
	j := 0
	for ; j+1 < len(at); j += 2 {
		p, q := at[j], at[j+1]
		addPairs(out, src[p.a:p.a+n], src[p.b:p.b+n], src[q.a:q.a+n], src[q.b:q.b+n], k[j], k[j+1])
	}
	if j < len(at) {
		p := at[j]
		addPair(out, src[p.a:p.a+n], src[p.b:p.b+n], k[j])
	}
}

func addPairs(out, a0, b0, a1, b1 []float64, k0, k1 float64) {
	a0, b0, a1, b1 = a0[:len(out)], b0[:len(out)], a1[:len(out)], b1[:len(out)]
	for x, sum := range out {
		sum += (a0[x] + b0[x]) * k0
		out[x] = sum + (a1[x]+b1[x])*k1
	}
}

func addPair(out, a, b []float64, k float64) {
	a, b = a[:len(out)], b[:len(out)]
	for x := range out {
		out[x] += (a[x] + b[x]) * k
	}
}

func (goSums) taps(out, src []float64, at []int32, k []float64) {
	clear(out)
	n := int32(len(out))
	j := 0
	for ; j+1 < len(at); j += 2 {
		addTaps(out, src[at[j]:at[j]+n], src[at[j+1]:at[j+1]+n], k[j], k[j+1])
	}
	if j < len(at) {
		addTap(out, src[at[j]:at[j]+n], k[j])
	}
}

func addTaps(out, a0, a1 []float64, k0, k1 float64) {
	a0, a1 = a0[:len(out)], a1[:len(out)]
	for x, sum := range out {
		sum += a0[x] * k0
		out[x] = sum + a1[x]*k1
	}
}

func addTap(out, a []float64, k float64) {
	a = a[:len(out)]
	for x := range out {
		out[x] += a[x] * k
	}
}

func (goSums) zoom(sum, line, upper, lower []float32, part float32, z *zoomSteps) {
	n := 3 * len(z.first)
	mixSingles(line[:n], upper, lower, part)
	addEnlarged(sum, line[:n], z)
}

// mixSingles sets dst to a where a and b are equal, whatever f.
func mixSingles(dst, a, b []float32, f float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, v := range a {
		dst[i] = v + (b[i]-v)*f
	}
}

// addEnlarged adds an enlarged row of RGB pixels to sum.
func addEnlarged(sum, line []float32, s *zoomSteps) {
	n := len(s.first)
	step, frac, sum := s.step[:n], s.frac[:n], sum[:3*n]
	for x, first := range s.first {
		a := line[3*first : 3*first+3 : 3*first+3]
		b := line[3*(first+step[x]):]
		b = b[:3:3]
		f := frac[x]
		to := sum[3*x : 3*x+3 : 3*x+3]
		to[0] += a[0] + (b[0]-a[0])*f
		to[1] += a[1] + (b[1]-a[1])*f
		to[2] += a[2] + (b[2]-a[2])*f
	}
}
