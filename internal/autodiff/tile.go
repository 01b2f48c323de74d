package autodiff

import (
	"slices"

	"quba/internal/onnxpb"
)

// tiling says which chains of nodes are cut into tiles, and how small these are.
type tiling struct {
	// tile is how many bytes the widest value of a tile may have. Several of
	// them are to fit the cache of a core.
	tile int64
	// whole is how many bytes the widest value of a chain must have.
	whole int64
	// weights is how many bytes the weights of a chain may have, which every
	// tile reads again.
	weights int64
	// rows is how many rows of a matrix product a tile must have.
	rows int64
	// call is how many bytes of memory can be written and read while
	// onnxruntime prepares the call of a node.
	call int64
}

// usualTiling was found with ConvNeXt and ViT on cores with caches of 2 MB, at
// 20 GB/s of memory and 1 µs a call; from 192 to 384 KB for a tile it is flat.
var usualTiling = tiling{tile: 256 << 10, whole: 512 << 10, weights: 2 << 20, rows: 32, call: 20 << 10}

// tiled runs chains of nodes that treat each row of a matrix by itself on a few
// rows at a time, so that what lies between them stays in the cache of a core:
// passes over memory take as long as the matrix products otherwise. A Scan loops
// over the tiles. The rows are first those along the last axis; where they cannot
// be cut, or for what is left, single numbers.
func (b *builder) tiled(nodes []*onnxpb.NodeProto, outputs []string) []*onnxpb.NodeProto {
	for _, l := range []layout{alongLastAxis, singleNumbers} {
		p := newTilePlan(b, l, attributed(nodes), outputs)
		for _, n := range p.all {
			p.place(n)
		}
		nodes = b.collect(p.write)
	}
	return nodes
}

// layout lays a value out as a matrix of so many rows.
type layout func(shape []int64) (rows, width int64)

func alongLastAxis(shape []int64) (rows, width int64) {
	if len(shape) == 0 {
		return 1, 1
	}
	last := len(shape) - 1
	return count(shape[:last]), shape[last]
}

func singleNumbers(shape []int64) (rows, width int64) { return count(shape), 1 }

// chain is a set of nodes that can run tile by tile.
type chain struct {
	number  int
	rows    int64
	weights int64 // bytes
	nodes   []*node
	// dependents are the chain itself and those that need it.
	dependents chainSet
}

// tilePlan puts each node into a chain or into none.
type tilePlan struct {
	*builder
	layout layout
	all    []*node
	values map[string]*plannedValue
	// large are the numbers of rows of which there are values to cut.
	large  map[int64]bool
	chains []*chain
	of     map[*node]*chain
}

// plannedValue is what a plan knows of a value.
type plannedValue struct {
	maker *node // nil for inputs of the graph
	users []*node
	// output values are those that the graph gives.
	output bool
	// fixed values come from constants only.
	fixed bool
	// matrix values are made by layers, not by convolutions, around which
	// onnxruntime has a layout of its own.
	matrix bool
	// needs are the chains that a value made outside of chains needs.
	needs chainSet
	// readers are the chains that read a value from outside, the latest last.
	readers []*chain
}

func newTilePlan(b *builder, l layout, nodes []*node, outputs []string) *tilePlan {
	p := &tilePlan{builder: b, layout: l, all: nodes, values: map[string]*plannedValue{}, large: map[int64]bool{}, of: map[*node]*chain{}}
	for _, name := range outputs {
		p.value(name).output = true
	}
	for _, n := range nodes {
		for _, name := range usedBy(n.NodeProto) {
			p.value(name).users = append(p.value(name).users, n)
		}
		for _, name := range n.Output {
			if name == "" {
				continue
			}
			p.value(name).maker = n
			rows, width := l(b.shapes[name])
			p.large[rows] = p.large[rows] || p.isLarge(rows, width)
		}
	}
	return p
}

// isLarge says whether a value is worth cutting.
func (p *tilePlan) isLarge(rows, width int64) bool {
	bytes := floatBytes * rows * width
	return bytes >= p.tiling.whole && bytes > p.tiling.tile
}

func (p *tilePlan) value(name string) *plannedValue {
	v := p.values[name]
	if v == nil {
		v = &plannedValue{fixed: name == "" || p.constants[name] != nil}
		p.values[name] = v
	}
	return v
}

// made are the values that a node makes.
func (p *tilePlan) made(n *node) []*plannedValue {
	var made []*plannedValue
	for _, name := range n.Output {
		if name != "" {
			made = append(made, p.value(name))
		}
	}
	return made
}

// used are the values that a node uses and that are not the same in every run.
func (p *tilePlan) used(n *node) []*plannedValue {
	var used []*plannedValue
	for _, name := range usedBy(n.NodeProto) {
		if v := p.value(name); !v.fixed {
			used = append(used, v)
		}
	}
	return used
}

// place takes the nodes in their order.
func (p *tilePlan) place(n *node) {
	used := p.used(n)
	if len(used) == 0 {
		for _, v := range p.made(n) {
			v.fixed = true
		}
		return
	}
	matrix := p.makesMatrix(n)
	for _, v := range p.made(n) {
		v.matrix = matrix
	}
	if c := p.chainFor(n); c != nil {
		p.join(c, n)
		return
	}
	var needs chainSet
	for _, v := range used {
		needs.union(p.behind(v))
	}
	for _, v := range p.made(n) {
		v.needs = needs
	}
}

func (p *tilePlan) join(c *chain, n *node) {
	c.nodes = append(c.nodes, n)
	c.weights += p.weightsOf(n)
	p.of[n] = c
	for _, v := range p.used(n) {
		if p.of[v.maker] == c {
			continue
		}
		p.putBehind(c, p.behind(v))
		if !slices.Contains(v.readers, c) {
			v.readers = append(v.readers, c)
		}
	}
}

// putBehind makes a chain need others, as all do that need the chain.
func (p *tilePlan) putBehind(c *chain, needs chainSet) {
	for _, before := range p.chains {
		if !before.dependents.has(c.number) && before.dependents.meets(needs) {
			before.dependents.union(c.dependents)
		}
	}
}

// behind are the chains that must run before the value is there, as far as they
// are known without what these need.
func (p *tilePlan) behind(v *plannedValue) chainSet {
	c := p.of[v.maker]
	if c == nil {
		return v.needs
	}
	var one chainSet
	one.add(c.number)
	return one
}

// makesMatrix follows what layers make, but not into images.
func (p *tilePlan) makesMatrix(n *node) bool {
	const imageAxes = 4
	switch {
	case n.OpType == "MatMul", n.OpType == "Gemm", n.OpType == "LayerNormalization", n.OpType == "Softmax", n.OpType == "Scan":
		return true
	case n.OpType == "Reshape" && len(p.shapes[n.out(0)]) >= imageAxes, n.OpType != "Reshape" && !elementwise[n.OpType]:
		return false
	}
	return slices.ContainsFunc(p.used(n), func(v *plannedValue) bool { return v.matrix })
}

// chainFor is the chain that a node should be in, which may be a new one, or nil.
func (p *tilePlan) chainFor(n *node) *chain {
	rows := p.rowsOf(n)
	if !p.large[rows] {
		return nil
	}
	for _, c := range p.neighbours(n) {
		if c.rows == rows && p.canJoin(n, c) {
			return c
		}
	}
	if !p.starts(n) {
		return nil
	}
	c := &chain{number: len(p.chains), rows: rows}
	c.dependents.add(c.number)
	p.chains = append(p.chains, c)
	return c
}

// neighbours are the chains that make what a node reads, then those that read the
// same from elsewhere, which would fetch it from memory once more.
func (p *tilePlan) neighbours(n *node) []*chain {
	const latest = 4 // readers, lest some values make planning slow
	var making, reading []*chain
	for _, v := range p.used(n) {
		if c := p.of[v.maker]; c != nil {
			making = append(making, c)
		}
		reading = append(reading, v.readers[max(0, len(v.readers)-latest):]...)
	}
	return append(making, reading...)
}

// canJoin says whether all that the node reads is made in the chain, or without it.
func (p *tilePlan) canJoin(n *node, c *chain) bool {
	return c.weights+p.weightsOf(n) <= p.tiling.weights && !slices.ContainsFunc(p.used(n), func(v *plannedValue) bool {
		return p.of[v.maker] != c && p.behind(v).meets(c.dependents)
	})
}

// starts says whether a chain may begin with a node. The bias of a layer stays
// with it: onnxruntime adds it in the matrix product.
func (p *tilePlan) starts(n *node) bool {
	if !elementwise[n.OpType] {
		return p.weightsOf(n) <= p.tiling.weights
	}
	used := p.used(n)
	isBias := isOperator(n, "Add") && len(used) == 1 && isOperator(used[0].maker, "MatMul")
	return !isBias && slices.ContainsFunc(used, func(v *plannedValue) bool { return v.matrix })
}
