package onnxfile_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"quba/internal/onnxfile"
)

// halfByDefinition is the value by the definition of binary16.
func halfByDefinition(bits uint16) float64 {
	sign := 1.0
	if bits>>15 == 1 {
		sign = -1
	}
	exponent, fraction := int(bits>>10)&0x1f, float64(bits&0x3ff)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

func TestHalfAllValues(t *testing.T) {
	for i := range 1 << 16 {
		bits := uint16(i)
		want, got := halfByDefinition(bits), onnxfile.HalfToFloat32(bits)
		if math.IsNaN(want) {
			if back := onnxfile.HalfFromFloat32(got); got == got || back&0x7c00 != 0x7c00 || back&0x3ff == 0 {
				t.Fatalf("%#04x must stay NaN, got %v and back %#04x", bits, got, back)
			}
			continue
		}
		if float64(got) != want || math.Signbit(float64(got)) != math.Signbit(want) {
			t.Fatalf("%#04x: got %v, want %v", bits, got, want)
		}
		if back := onnxfile.HalfFromFloat32(got); back != bits {
			t.Fatalf("%v: back to %#04x, want %#04x", got, back, bits)
		}
	}
}

// TestHalfIsNearest compares the distance to both neighbours.
func TestHalfIsNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float32Range(-65504, 65504).Draw(t, "v")
		bits := onnxfile.HalfFromFloat32(v)
		distance := func(b uint16) float64 { return math.Abs(halfByDefinition(b) - float64(v)) }
		for _, neighbour := range []uint16{bits - 1, bits + 1} {
			other := distance(neighbour)
			if math.IsNaN(other) || neighbour&0x8000 != bits&0x8000 {
				continue
			}
			if own := distance(bits); other < own || (other == own && bits&1 == 1) {
				t.Fatalf("%v: %#04x is not nearer than %#04x", v, bits, neighbour)
			}
		}
	})
}

func TestHalfOverflow(t *testing.T) {
	tests := map[float32]uint16{65519.9: 0x7bff, 65520: 0x7c00, float32(math.Inf(-1)): 0xfc00, 1e-9: 0, 0.5: 0x3800}
	for v, want := range tests {
		if got := onnxfile.HalfFromFloat32(v); got != want {
			t.Errorf("%v: got %#04x, want %#04x", v, got, want)
		}
	}
}
