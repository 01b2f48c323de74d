package onnxfile

import "math"

// HalfToFloat32 is the value of a float16 (IEEE 754 binary16) with the given
// bits, exactly, subnormal numbers included.
func HalfToFloat32(bits uint16) float32 {
	sign := uint32(bits&0x8000) << 16
	exponent, fraction := uint32(bits>>10)&0x1f, uint32(bits&0x3ff)
	switch exponent {
	case 0:
		magnitude := math.Float32bits(float32(fraction) / (1 << 24))
		return math.Float32frombits(sign | magnitude)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// HalfFromFloat32 gives the bits of the float16 nearest to v, the even one of
// two equally near, as the Cast operator of ONNX does.
func HalfFromFloat32(v float32) uint16 {
	const (
		infinity       = 0x7f800000
		firstOverflow  = 0x477ff000 // 65520, which rounds to infinity
		smallestNormal = 0x38800000 // 2^-14
	)
	bits := math.Float32bits(v)
	sign, magnitude := uint16(bits>>16)&0x8000, bits&0x7fffffff
	switch {
	case magnitude > infinity:
		return sign | 0x7e00
	case magnitude >= firstOverflow:
		return sign | 0x7c00
	case magnitude < smallestNormal:
		return sign | uint16(math.RoundToEven(math.Abs(float64(v))*(1<<24)))
	}
	magnitude += 0xfff + magnitude>>13&1
	return sign | uint16((magnitude-112<<23)>>13)
}
