package autodiff

import (
	"fmt"
	"slices"
)

// Poolings, resizings and selections are linear and work on one axis after
// the other: along each axis y = M·x with a constant matrix M.

// maxMatrix is how many elements such a matrix may have: 256 MiB of float32.
const maxMatrix = 1 << 26

// along is the vector-Jacobian product of y = M·x along an axis of the value
// g, given M's transpose with the shape [length of x, length of y].
func (b *builder) along(g string, axis int64, transposed string) string {
	shape := slices.Clone(b.shapes[g])
	in, out := b.shapes[transposed][0], shape[axis]
	outer, inner := count(shape[:axis]), count(shape[axis+1:])
	shape[axis] = in
	if inner == 1 { // one product is faster than a stack of small ones
		rows := b.reshape(g, []int64{outer, out})
		matrix := b.transpose(transposed, []int64{1, 0})
		return b.reshape(b.op("MatMul", []string{rows, matrix}, []int64{outer, in}), shape)
	}
	stack := b.reshape(g, []int64{outer, out, inner})
	return b.reshape(b.op("MatMul", []string{transposed, stack}, []int64{outer, in, inner}), shape)
}

// responses is the transposed matrix [in, out] of an operator that is linear
// along an axis, other than 0, of a value of the rank: what the operator makes
// of a batch of unit vectors. apply adds the operator, given the unit vectors
// and the shape of its output. onnxruntime computes it once, when it loads the
// graph, and with the arithmetic of the forward pass.
func (b *builder) responses(g string, axis int64, in int64, apply func(units string, shape []int64) string) (string, error) {
	out := b.shapes[g][axis]
	if err := checkMatrix(in, max(in, out)); err != nil {
		return "", err
	}
	shape := orOnes(nil, len(b.shapes[g]))
	shape[0], shape[axis] = in, in
	units := b.choice(b.types[g], diagonal(in), in, shape)
	shape = slices.Clone(shape)
	shape[axis] = out
	return b.reshape(apply(units, shape), []int64{in, out}), nil
}

func diagonal(n int64) []int64 {
	rows := make([]int64, n)
	for i := range rows {
		rows[i] = int64(i)
	}
	return rows
}

// choice is the constant matrix [rows, len(row)] that has a 1 at row[j] in
// column j and 0 elsewhere, under a shape.
func (b *builder) choice(kind elementType, row []int64, rows int64, shape []int64) string {
	v := make([]float32, rows*int64(len(row)))
	for column, r := range row {
		v[r*int64(len(row))+int64(column)] = 1
	}
	return b.cast(b.constant(float32Tensor(shape, v)), kind)
}

func checkMatrix(rows, columns int64) error {
	if rows > maxMatrix/columns {
		return fmt.Errorf("an axis of length %d that becomes %d is too long: the product must be at most %d", rows, columns, maxMatrix)
	}
	return nil
}
