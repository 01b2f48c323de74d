package autodiff

import (
	"slices"

	"quba/internal/onnxpb"
)

// tiling says how long chains of nodes are cut into tiles.
type tiling struct {
	// tile is how many bytes the widest value of a tile may have. Several of
	// them are to fit the cache of a core.
	tile int64
	// whole is how many bytes the widest value of a chain must have.
	whole int64
	// weights is how many bytes the weights of a layer may have, which every
	// tile reads again.
	weights int64
	// rows is how many rows of a matrix product a tile must have.
	rows int64
	// call is how many bytes of memory can be written and read while
	// onnxruntime prepares the call of a node.
	call int64
}

var usualTiling = tiling{tile: 256 << 10, whole: 512 << 10, weights: 1 << 20, rows: 32, call: 20 << 10}

// tiled runs chains of nodes that treat each row of a matrix by itself on a few
// rows at a time, so that what lies between them stays in the cache of a core:
// passes over memory take as long as the matrix products otherwise. A Scan loops
// over the tiles. The rows are first those along the last axis; where they cannot
// be cut, or for what is left, single numbers.
func (b *builder) tiled(nodes []*onnxpb.NodeProto, outputs []string) []*onnxpb.NodeProto {
	for _, layout := range []layout{alongLastAxis, singleNumbers} {
		b.nodes = nodes
		p := newTilePlan(b, layout, outputs)
		for _, n := range p.all {
			p.place(n)
		}
		b.nodes = nil
		p.write()
		nodes = b.nodes
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
	rows  int64
	nodes []*node
	// needs are the chains that must be complete before this one.
	needs map[*chain]bool
}

// after says whether a chain is another or needs it, through others too.
func (c *chain) after(other *chain) bool {
	seen := map[*chain]bool{}
	var search func(c *chain) bool
	search = func(c *chain) bool {
		if c == other {
			return true
		}
		seen[c] = true
		for before := range c.needs {
			if !seen[before] && search(before) {
				return true
			}
		}
		return false
	}
	return search(c)
}

// tilePlan puts each node into a chain or into none.
type tilePlan struct {
	*builder
	layout layout
	all    []*node
	// outputs are values that the graph gives.
	outputs map[string]bool
	users   map[string][]*node
	// fixed values come from constants only.
	fixed map[string]bool
	// matrices are made by layers, not by convolutions, around which onnxruntime
	// has a layout of its own.
	matrices map[string]bool

	chains []*chain
	of     map[*node]*chain
	makers map[string]*node
	// readers are the chains that read a value made elsewhere.
	readers map[string][]*chain
	// needs are the chains that a value made outside of chains needs.
	needs map[string]map[*chain]bool
}

func newTilePlan(b *builder, l layout, outputs []string) *tilePlan {
	p := &tilePlan{
		builder: b, layout: l, all: b.forwardNodes(), outputs: map[string]bool{}, users: map[string][]*node{},
		fixed: map[string]bool{}, matrices: map[string]bool{}, of: map[*node]*chain{}, makers: map[string]*node{},
		readers: map[string][]*chain{}, needs: map[string]map[*chain]bool{},
	}
	for _, name := range outputs {
		p.outputs[name] = true
	}
	for _, n := range p.all {
		for _, name := range usedBy(n.NodeProto) {
			p.users[name] = append(p.users[name], n)
		}
		for _, name := range n.Output {
			if name != "" {
				p.makers[name] = n
			}
		}
	}
	return p
}

// place takes the nodes in their order.
func (p *tilePlan) place(n *node) {
	if !slices.ContainsFunc(usedBy(n.NodeProto), p.varies) {
		for _, name := range n.Output {
			p.fixed[name] = true
		}
		return
	}
	c := p.chainFor(n)
	if c == nil {
		p.leaveOut(n)
		return
	}
	c.nodes = append(c.nodes, n)
	p.of[n] = c
	for _, name := range n.Input {
		if !p.varies(name) || p.chainOf(name) == c {
			continue
		}
		for before := range p.behind(name) {
			c.needs[before] = true
		}
		p.readers[name] = append(p.readers[name], c)
	}
	p.markMatrices(n)
}

func (p *tilePlan) leaveOut(n *node) {
	needs := map[*chain]bool{}
	for _, name := range usedBy(n.NodeProto) {
		for before := range p.behind(name) {
			needs[before] = true
		}
	}
	for _, name := range n.Output {
		if name != "" {
			p.needs[name] = needs
		}
	}
	p.markMatrices(n)
}

// varies says whether a value is not the same in every run.
func (p *tilePlan) varies(name string) bool {
	return name != "" && p.constants[name] == nil && !p.fixed[name]
}

func (p *tilePlan) chainOf(value string) *chain { return p.of[p.makers[value]] }

// behind are the chains that must run before the value is there.
func (p *tilePlan) behind(value string) map[*chain]bool {
	if c := p.chainOf(value); c != nil {
		return map[*chain]bool{c: true}
	}
	return p.needs[value]
}

// markMatrices follows what layers make through elementwise nodes.
func (p *tilePlan) markMatrices(n *node) {
	made := layers[n.OpType] || elementwise[n.OpType] && slices.ContainsFunc(n.Input, func(name string) bool { return p.matrices[name] })
	for _, name := range n.Output {
		p.matrices[name] = made
	}
}

var layers = map[string]bool{"MatMul": true, "Gemm": true, "LayerNormalization": true, "Softmax": true}

// chainFor is the chain that a node should be in, which may be a new one, or nil.
func (p *tilePlan) chainFor(n *node) *chain {
	rows := p.rowsOf(n)
	if rows == 0 {
		return nil
	}
	for _, candidates := range []func(string) []*chain{p.making, p.reading} {
		for _, name := range n.Input {
			for _, c := range candidates(name) {
				if c.rows == rows && p.canJoin(n, c) {
					return c
				}
			}
		}
	}
	if !p.starts(n) {
		return nil
	}
	c := &chain{rows: rows, needs: map[*chain]bool{}}
	p.chains = append(p.chains, c)
	return c
}

func (p *tilePlan) making(value string) []*chain {
	if c := p.chainOf(value); c != nil {
		return []*chain{c}
	}
	return nil
}

func (p *tilePlan) reading(value string) []*chain { return p.readers[value] }

// canJoin says whether all that the node reads is made in the chain, or without it.
func (p *tilePlan) canJoin(n *node, c *chain) bool {
	for _, name := range n.Input {
		if p.chainOf(name) == c {
			continue
		}
		for before := range p.behind(name) {
			if before.after(c) {
				return false
			}
		}
	}
	return true
}

// starts says whether a chain may begin with a node. The bias of a layer stays
// with it: onnxruntime adds it in the matrix product.
func (p *tilePlan) starts(n *node) bool {
	if !elementwise[n.OpType] {
		return true
	}
	isBias := isOperator(n, "Add") && slices.ContainsFunc(n.Input, func(name string) bool { return isOperator(p.makers[name], "MatMul") }) &&
		slices.ContainsFunc(n.Input, func(name string) bool { return p.constants[name] != nil })
	return !isBias && slices.ContainsFunc(n.Input, func(name string) bool { return p.matrices[name] })
}
