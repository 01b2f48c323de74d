package corruption

// jpegTable quantises blocks.
type jpegTable struct {
	// columns has the steps column by column.
	columns [64]jpegStep
	lanes   jpegLanes
}

// jpegLanes has the steps row by row, as C wants them: float32(a+half) times
// reciprocal, which is a little too large, has the rounded quotient as its
// whole part for all a+half < 2^16.
type jpegLanes struct {
	reciprocal [64]float32
	half, step [64]int32
}

// jpegStep divides by 8 times step, since the forward transform leaves
// coefficients 8 times too large: (a+half)*reciprocal>>32 is the rounded
// quotient for all a+half < 2^17.
type jpegStep struct {
	reciprocal uint64
	half, step int32
}

// apply returns the multiple of the step that is nearest to v/8.
func (s *jpegStep) apply(v int32) int32 {
	sign := v >> 31
	a := (v ^ sign) - sign
	n := int32(uint64(a+s.half) * s.reciprocal >> 32)
	return (n*s.step ^ sign) - sign
}

// The example tables of ITU-T T.81, annex K.
var (
	annexKLuma = [64]int{
		16, 11, 10, 16, 24, 40, 51, 61,
		12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56,
		14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77,
		24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101,
		72, 92, 95, 98, 112, 100, 103, 99,
	}
	annexKChroma = [64]int{
		17, 18, 24, 47, 99, 99, 99, 99,
		18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99,
		47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
	}
)

// jpegTables has the luma and chroma tables of qualities 1..100.
var jpegTables = func() (tables [100][2]*jpegTable) {
	for i := range tables {
		tables[i] = [2]*jpegTable{newJPEGTable(&annexKLuma, i+1), newJPEGTable(&annexKChroma, i+1)}
	}
	return tables
}()

// newJPEGTable scales a table to a quality (jcparam.c).
func newJPEGTable(base *[64]int, quality int) *jpegTable {
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	table := new(jpegTable)
	for row := range 8 {
		for col := range 8 {
			step := min(max((base[8*row+col]*scale+50)/100, 1), 255)
			table.columns[8*col+row] = jpegStep{uint64(1<<32/(8*step)) + 1, int32(4 * step), int32(step)}
			table.lanes.reciprocal[8*row+col] = float32((1 + 1./(1<<20)) / float64(8*step))
			table.lanes.half[8*row+col] = int32(4 * step)
			table.lanes.step[8*row+col] = int32(step)
		}
	}
	return table
}

// The constants of libjpeg's islow transforms, in 13-bit fixed point.
const (
	fix0298631336 = 2446
	fix0390180644 = 3196
	fix0541196100 = 4433
	fix0765366865 = 6270
	fix0899976223 = 7373
	fix1175875602 = 9633
	fix1501321110 = 12299
	fix1847759065 = 15137
	fix1961570560 = 16069
	fix2053119869 = 16819
	fix2562915447 = 20995
	fix3072711026 = 25172
)

// roundTrip replaces the 8x8 samples at the start of pix by what is left of
// them after quantising.
func (table *jpegTable) roundTrip(pix []uint8, stride int) {
	var work [64]int32
	for y := range 8 {
		row := (*[8]uint8)(pix[y*stride:])
		forwardRow((*[8]int32)(work[8*y:]), row)
	}
	for x := range 8 {
		var column [8]int32
		for y := range 8 {
			column[y] = work[8*y+x]
		}
		forwardColumn(&column)
		steps := (*[8]jpegStep)(table.columns[8*x:])
		rest := int32(0)
		column[0] = steps[0].apply(column[0])
		for y := 1; y < 8; y++ {
			column[y] = steps[y].apply(column[y])
			rest |= column[y]
		}
		if rest == 0 {
			for y := range 8 {
				work[8*y+x] = column[0] << 2
			}
			continue
		}
		inverse(&column)
		for y := range 8 {
			work[8*y+x] = (column[y] + 1<<10) >> 11
		}
	}
	for y := range 8 {
		inverseRow((*[8]uint8)(pix[y*stride:]), (*[8]int32)(work[8*y:]))
	}
}

// forwardRow is the first pass of the forward transform (jfdctint.c): the
// result is scaled by 2^2 beyond the transform's own factor.
func forwardRow(dst *[8]int32, row *[8]uint8) {
	a0, a1, a2, a3 := int32(row[0]), int32(row[1]), int32(row[2]), int32(row[3])
	a4, a5, a6, a7 := int32(row[4]), int32(row[5]), int32(row[6]), int32(row[7])
	s0, s1, s2, s3 := a0+a7, a1+a6, a2+a5, a3+a4
	e0, e3, e1, e2 := s0+s3, s0-s3, s1+s2, s1-s2
	dst[0], dst[4] = (e0+e1-8*128)<<2, (e0-e1)<<2
	z := (e2 + e3) * fix0541196100
	dst[2] = (z + e3*fix0765366865 + 1<<10) >> 11
	dst[6] = (z - e2*fix1847759065 + 1<<10) >> 11
	d7, d5, d3, d1 := forwardOdd(a3-a4, a2-a5, a1-a6, a0-a7)
	dst[7], dst[5] = (d7+1<<10)>>11, (d5+1<<10)>>11
	dst[3], dst[1] = (d3+1<<10)>>11, (d1+1<<10)>>11
}

// forwardColumn is the second pass, in place; it removes the 2^2.
func forwardColumn(c *[8]int32) {
	s0, s1, s2, s3 := c[0]+c[7], c[1]+c[6], c[2]+c[5], c[3]+c[4]
	d7, d5, d3, d1 := forwardOdd(c[3]-c[4], c[2]-c[5], c[1]-c[6], c[0]-c[7])
	e0, e3, e1, e2 := s0+s3, s0-s3, s1+s2, s1-s2
	c[0], c[4] = (e0+e1+2)>>2, (e0-e1+2)>>2
	z := (e2 + e3) * fix0541196100
	c[2] = (z + e3*fix0765366865 + 1<<14) >> 15
	c[6] = (z - e2*fix1847759065 + 1<<14) >> 15
	c[7], c[5] = (d7+1<<14)>>15, (d5+1<<14)>>15
	c[3], c[1] = (d3+1<<14)>>15, (d1+1<<14)>>15
}

// forwardOdd is the odd part of the forward transform of the differences
// 3-4, 2-5, 1-6 and 0-7; it returns coefficients 7, 5, 3 and 1, in 13-bit fixed
// point.
func forwardOdd(t4, t5, t6, t7 int32) (d7, d5, d3, d1 int32) {
	z5 := (t4 + t6 + t5 + t7) * fix1175875602
	z1 := -(t4 + t7) * fix0899976223
	z2 := -(t5 + t6) * fix2562915447
	z3 := z5 - (t4+t6)*fix1961570560
	z4 := z5 - (t5+t7)*fix0390180644
	return t4*fix0298631336 + z1 + z3, t5*fix2053119869 + z2 + z4,
		t6*fix3072711026 + z2 + z3, t7*fix1501321110 + z1 + z4
}

// inverse is one pass of the inverse transform (jidctint.c), in place; the
// result is in 13-bit fixed point.
func inverse(c *[8]int32) {
	z1 := (c[2] + c[6]) * fix0541196100
	t2, t3 := z1-c[6]*fix1847759065, z1+c[2]*fix0765366865
	t0, t1 := (c[0]+c[4])<<13, (c[0]-c[4])<<13
	e0, e3, e1, e2 := t0+t3, t0-t3, t1+t2, t1-t2

	a, b, d, e := c[7], c[5], c[3], c[1]
	z5 := (a + d + b + e) * fix1175875602
	z1, z2 := -(a+e)*fix0899976223, -(b+d)*fix2562915447
	z3, z4 := z5-(a+d)*fix1961570560, z5-(b+e)*fix0390180644
	o0, o1 := a*fix0298631336+z1+z3, b*fix2053119869+z2+z4
	o2, o3 := d*fix3072711026+z2+z3, e*fix1501321110+z1+z4

	c[0], c[7] = e0+o3, e0-o3
	c[1], c[6] = e1+o2, e1-o2
	c[2], c[5] = e2+o1, e2-o1
	c[3], c[4] = e3+o0, e3-o0
}

// inverseRow is the second pass: samples of one row.
func inverseRow(dst *[8]uint8, c *[8]int32) {
	if c[1]|c[2]|c[3]|c[4]|c[5]|c[6]|c[7] == 0 {
		v := clampByte((c[0]+1<<4)>>5 + 128)
		*dst = [8]uint8{v, v, v, v, v, v, v, v}
		return
	}
	inverse(c)
	for x := range dst {
		dst[x] = clampByte((c[x]+1<<17)>>18 + 128)
	}
}
