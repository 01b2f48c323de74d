package autodiff

import (
	"fmt"
	"slices"
	"strings"
)

func init() {
	register("MatMul", matMul)
	register("Gemm", gemm)
	register("Einsum", einsum)
}

// matMul is da = g·bᵀ and db = aᵀ·g, summed over the batch axes along which an
// operand was repeated.
func matMul(b *builder, n *node, g []string) error {
	left, right := b.asMatrix(n.in(0), 0), b.asMatrix(n.in(1), 1)
	dy := b.reshape(g[0], b.productShape(left, right))
	if b.active[n.in(0)] {
		d := b.unbroadcast(b.matMul(dy, b.lastTwoSwapped(right)), b.shapes[left])
		if err := b.add(n.in(0), b.reshape(d, b.shapes[n.in(0)])); err != nil {
			return err
		}
	}
	if !b.active[n.in(1)] {
		return nil
	}
	if len(b.shapes[right]) == 2 {
		left, dy = b.rows(left), b.rows(dy)
	}
	d := b.unbroadcast(b.matMul(b.lastTwoSwapped(left), dy), b.shapes[right])
	return b.add(n.in(1), b.reshape(d, b.shapes[n.in(1)]))
}

// asMatrix is the operand itself, or the vector as a row (operand 0) or column
// (operand 1).
func (b *builder) asMatrix(operand string, i int) string {
	shape := b.shapes[operand]
	if len(shape) > 1 {
		return operand
	}
	return b.reshape(operand, slices.Insert(slices.Clone(shape), i, 1))
}

// productShape is that of the product of stacks of matrices.
func (b *builder) productShape(left, right string) []int64 {
	l, r := b.shapes[left], b.shapes[right]
	batch := broadcast(l[:len(l)-2], r[:len(r)-2])
	return append(batch, l[len(l)-2], r[len(r)-1])
}

func (b *builder) matMul(left, right string) string {
	return b.op("MatMul", []string{left, right}, b.productShape(left, right))
}

// rows lays the matrices of a stack under each other.
func (b *builder) rows(x string) string {
	shape := b.shapes[x]
	last := len(shape) - 1
	return b.reshape(x, []int64{count(shape[:last]), shape[last]})
}

func (b *builder) lastTwoSwapped(x string) string {
	perm := diagonal(int64(len(b.shapes[x])))
	last := len(perm) - 1
	perm[last-1], perm[last] = perm[last], perm[last-1]
	return b.transpose(x, perm)
}

// gemm is the gradient of alpha·a·b + beta·c, where a and b may be stored
// transposed.
func gemm(b *builder, n *node, g []string) error {
	for i, gradient := range []func(*node, string) string{b.gemmLeft, b.gemmRight, b.gemmAddend} {
		operand := n.in(i)
		if !b.active[operand] {
			continue
		}
		if err := b.add(operand, gradient(n, g[0])); err != nil {
			return err
		}
	}
	return nil
}

// gemmLeft is g·bᵀ, or its transpose.
func (b *builder) gemmLeft(n *node, g string) string {
	right, transposed := n.in(1), n.integer("transB", 0)
	if n.integer("transA", 0) == 0 {
		return b.gemm(n, g, right, 0, 1-transposed)
	}
	return b.gemm(n, right, g, transposed, 1)
}

// gemmRight is aᵀ·g, or its transpose.
func (b *builder) gemmRight(n *node, g string) string {
	left, transposed := n.in(0), n.integer("transA", 0)
	if n.integer("transB", 0) == 0 {
		return b.gemm(n, left, g, 1-transposed, 0)
	}
	return b.gemm(n, g, left, 1, transposed)
}

func (b *builder) gemmAddend(n *node, g string) string {
	return b.unbroadcast(b.scale(g, float64(n.number("beta", 1))), b.shapes[n.in(2)])
}

// gemm is alpha·left·right with the alpha of the node.
func (b *builder) gemm(n *node, left, right string, transLeft, transRight int64) string {
	shape := []int64{b.shapes[left][transLeft], b.shapes[right][1-transRight]}
	return b.op("Gemm", []string{left, right}, shape, attribute{"alpha", n.number("alpha", 1)},
		attribute{"transA", transLeft}, attribute{"transB", transRight})
}

// einsum swaps the cotangent and the operand: the gradient of term j is the
// Einsum of "out,other terms->term j".
func einsum(b *builder, n *node, g []string) error {
	terms, out, err := parseEquation(n.text("equation", ""), len(n.Input))
	if err != nil {
		return err
	}
	for j, operand := range n.Input {
		if !b.active[operand] {
			continue
		}
		dx, err := b.einsumOperand(n, g[0], terms, out, j)
		if err != nil {
			return err
		}
		if err := b.add(operand, dx); err != nil {
			return err
		}
	}
	return nil
}

// einsumOperand is the gradient of operand j. An index that only this operand
// has was summed over, so that the gradient repeats along it.
func (b *builder) einsumOperand(n *node, g string, terms []string, out string, j int) (string, error) {
	operands, known := []string{g}, []string{out}
	for i, operand := range n.Input {
		if i != j {
			operands, known = append(operands, operand), append(known, terms[i])
		}
	}
	lengths, err := b.indexLengths(operands, known)
	if err != nil {
		return "", err
	}
	indices, shape, full := "", []int64{}, b.shapes[n.Input[j]]
	kept := slices.Clone(full)
	if len(full) != len(terms[j]) {
		return "", fmt.Errorf("the term %q of the equation must have an index for each axis of %v", terms[j], full)
	}
	for i, index := range terms[j] {
		if length, ok := lengths[index]; ok {
			indices, shape = indices+string(index), append(shape, length)
		} else {
			kept[i] = 1
		}
	}
	equation := strings.Join(known, ",") + "->" + indices
	dx := b.op("Einsum", operands, shape, attribute{"equation", equation})
	return b.expand(b.reshape(dx, kept), full), nil
}

// indexLengths are the lengths of the axes that the terms' indices name.
func (b *builder) indexLengths(operands, terms []string) (map[rune]int64, error) {
	lengths := map[rune]int64{}
	for i, term := range terms {
		shape := b.shapes[operands[i]]
		if len(shape) != len(term) {
			return nil, fmt.Errorf("the term %q of the equation must have an index for each axis of %v", term, shape)
		}
		for j, index := range term {
			if have, ok := lengths[index]; ok && have != shape[j] {
				return nil, fmt.Errorf("index %q of the equation must have one length, has %d and %d", index, have, shape[j])
			}
			lengths[index] = shape[j]
		}
	}
	return lengths, nil
}

// parseEquation gives the terms of the operands and of the output.
func parseEquation(equation string, operands int) (terms []string, out string, err error) {
	equation = strings.ReplaceAll(equation, " ", "")
	left, out, explicit := strings.Cut(equation, "->")
	terms = strings.Split(left, ",")
	if !explicit {
		out = impliedOutput(left)
	}
	if len(terms) != operands {
		return nil, "", fmt.Errorf("the equation %q must have a term for each of the %d operands", equation, operands)
	}
	for _, term := range append(slices.Clone(terms), out) {
		if strings.Contains(term, ".") || repeats(term) {
			return nil, "", fmt.Errorf("the equation %q must have neither an ellipsis nor an index twice in one term", equation)
		}
	}
	return terms, out, nil
}

// impliedOutput are the indices that occur once, in alphabetical order.
func impliedOutput(left string) string {
	var once []rune
	for _, index := range left {
		if index != ',' && strings.Count(left, string(index)) == 1 {
			once = append(once, index)
		}
	}
	slices.Sort(once)
	return string(once)
}

func repeats(term string) bool {
	for _, index := range term {
		if strings.Count(term, string(index)) > 1 {
			return true
		}
	}
	return false
}
