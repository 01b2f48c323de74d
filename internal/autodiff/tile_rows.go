package autodiff

import "slices"

// elementwise are operators of which each number of the output comes from one
// number of each input.
var elementwise = map[string]bool{
	affineOperator: true,
	"Abs":          true, "Add": true, "Div": true, "Erf": true, "Exp": true, "HardSigmoid": true,
	"Log": true, "Mul": true, "Neg": true, "Reciprocal": true, "Relu": true, "Sigmoid": true,
	"Softplus": true, "Sqrt": true, "Sub": true, "Tanh": true,
}

// rowsOf is how many rows a node treats each by itself, 0 when it does not.
func (p *tilePlan) rowsOf(n *node) int64 {
	isOther := func(name string) bool { return name != "" && p.types[name] != float32Type }
	if !standard(n.Domain) && n.Domain != ownDomain || slices.ContainsFunc(n.Output, isOther) {
		return 0
	}
	var rowwise bool
	switch {
	case elementwise[n.OpType]:
		rowwise = p.isElementwise(n)
	case n.OpType == "MatMul":
		rowwise = p.isLayer(n)
	case n.OpType == "LayerNormalization":
		rowwise = p.isNormalisation(n)
	case n.OpType == "ReduceMean", n.OpType == "ReduceSum":
		rowwise = p.isReduction(n)
	}
	if !rowwise {
		return 0
	}
	rows, _ := p.layout(p.shapes[n.out(0)])
	return rows
}

// isElementwise holds where all inputs have the rows of the output, or are one
// number, or a row, for all of them.
func (p *tilePlan) isElementwise(n *node) bool {
	shape := p.shapes[n.out(0)]
	return !slices.ContainsFunc(n.Input, func(name string) bool {
		return !p.hasRowsOf(name, shape) && !p.isRow(name, shape)
	})
}

// hasRowsOf says whether a value has the rows of a shape, or a number for each.
func (p *tilePlan) hasRowsOf(name string, shape []int64) bool {
	rows, width := p.layout(shape)
	r, w := p.layout(p.shapes[name])
	return !p.value(name).fixed && len(p.shapes[name]) == len(shape) && r == rows && (w == width || w == 1)
}

// isRow says whether a constant is one number, or one for each column of a shape.
func (p *tilePlan) isRow(name string, shape []int64) bool {
	t := p.constants[name]
	if t == nil {
		return false
	}
	_, width := p.layout(shape)
	n := count(t.shape)
	return n == 1 || n == width && t.shape[len(t.shape)-1] == width
}

// isLayer holds for products of rows and weights.
func (p *tilePlan) isLayer(n *node) bool {
	x, w := p.shapes[n.in(0)], p.shapes[n.in(1)]
	if p.value(n.in(0)).fixed || !p.value(n.in(1)).fixed || len(w) != 2 || len(x) < 2 {
		return false
	}
	rows, width := p.layout(x)
	outputRows, _ := p.layout(p.shapes[n.out(0)])
	return width == w[0] && rows == outputRows
}

// weightsOf are the bytes of the weights of a layer, 0 for other nodes.
func (p *tilePlan) weightsOf(n *node) int64 {
	if n.OpType != "MatMul" {
		return 0
	}
	return floatBytes * count(p.shapes[n.in(1)])
}

const floatBytes = 4

// isNormalisation holds for those of rows.
func (p *tilePlan) isNormalisation(n *node) bool {
	x := n.in(0)
	shape := p.shapes[x]
	return p.isAlongRows(x, n.integer("axis", -1)) && p.isRow(n.in(1), shape) && (n.in(2) == "" || p.isRow(n.in(2), shape))
}

// isReduction holds for those that leave a number for each row.
func (p *tilePlan) isReduction(n *node) bool {
	axes := n.integers("axes")
	if len(axes) == 0 {
		axes, _ = p.constantInts(n.in(1), "axes")
	}
	return len(axes) == 1 && p.isAlongRows(n.in(0), axes[0]) && n.integer("keepdims", 1) == 1
}

// isAlongRows says whether an axis of a value is that of the columns.
func (p *tilePlan) isAlongRows(value string, axis int64) bool {
	shape := p.shapes[value]
	last := int64(len(shape) - 1)
	_, width := p.layout(shape)
	return last >= 0 && p.axis(value, axis) == last && width == shape[last]
}
