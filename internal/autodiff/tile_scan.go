package autodiff

import (
	"slices"

	"quba/internal/onnxpb"
)

// tileWriter writes the nodes of a plan anew, with the chains that are worth it
// as Scans.
type tileWriter struct {
	*tilePlan
	// tiles is into how many tiles a chain is cut, 1 where it is not.
	tiles   map[*chain]int64
	written map[*node]bool
}

func (p *tilePlan) write() {
	w := &tileWriter{p, map[*chain]int64{nil: 1}, map[*node]bool{}}
	for _, c := range p.chains {
		w.tiles[c] = p.tilesOf(c)
	}
	for _, n := range p.all {
		if w.tiles[p.of[n]] == 1 {
			w.write(n)
		}
	}
	for _, n := range p.all {
		w.write(n) // of chains that nothing else uses
	}
}

// write adds a node, or the Scan that has it, behind all that it needs.
func (w *tileWriter) write(n *node) {
	if n == nil || w.written[n] {
		return
	}
	c := w.of[n]
	members := []*node{n}
	if w.tiles[c] > 1 {
		members = c.nodes
	}
	for _, member := range members {
		w.written[member] = true
	}
	for _, member := range members {
		for _, name := range usedBy(member.NodeProto) {
			w.write(w.makers[name])
		}
	}
	if w.tiles[c] > 1 {
		w.scan(c, w.tiles[c])
		return
	}
	w.nodes = append(w.nodes, n.NodeProto)
}

// tilesOf is into how many tiles a chain should be cut, 1 where it should not.
func (p *tilePlan) tilesOf(c *chain) int64 {
	widest, within := p.measure(c)
	tiles := p.fitting(c.rows, 4*widest)
	const around = 4 // calls, for a tile
	if tiles == 1 || within <= tiles*int64(len(c.nodes)+around)*p.tiling.call {
		return 1
	}
	if c.rows/tiles < p.tiling.rows && slices.ContainsFunc(c.nodes, func(n *node) bool { return n.OpType == "MatMul" }) {
		return 1
	}
	return tiles
}

// measure gives the width of the widest value that the chain makes, and the
// bytes of all values that nothing else uses.
func (p *tilePlan) measure(c *chain) (widest, within int64) {
	for _, n := range c.nodes {
		for _, name := range n.Output {
			if name == "" {
				continue
			}
			_, width := p.layout(p.shapes[name])
			widest = max(widest, width)
			if !p.leaves(name, c) {
				within += 4 * c.rows * width
			}
		}
	}
	return widest, within
}

// fitting is the smallest number of equal tiles of which each has room in a
// cache, 1 when there is none.
func (p *tilePlan) fitting(rows, rowBytes int64) int64 {
	if rowBytes*rows < p.tiling.whole {
		return 1
	}
	const smallest = 8 // of what has room
	for tiles := int64(2); rows/tiles*rowBytes >= p.tiling.tile/smallest; tiles++ {
		if rows%tiles == 0 && rows/tiles*rowBytes <= p.tiling.tile {
			return tiles
		}
	}
	return 1
}

// leaves says whether a value of a chain is used outside.
func (p *tilePlan) leaves(value string, c *chain) bool {
	return p.outputs[value] || slices.ContainsFunc(p.users[value], func(n *node) bool { return p.of[n] != c })
}

// scan writes a chain as a loop over tiles.
func (p *tilePlan) scan(c *chain, tiles int64) {
	t := &tileBody{p, c, c.rows / tiles, map[string]string{}}
	body := &onnxpb.GraphProto{Name: p.name("tile")}
	var inputs []string
	for _, name := range t.inputs() {
		_, width := p.layout(p.shapes[name])
		inputs = append(inputs, p.reshape(name, []int64{tiles, t.rows, width}))
		body.Input = append(body.Input, t.declare(name, width))
	}
	outside := p.nodes
	p.nodes = nil
	for _, n := range c.nodes {
		t.write(n)
	}
	body.Node, p.nodes = p.nodes, outside
	loop := &onnxpb.NodeProto{OpType: "Scan", Name: p.name("tiles"), Input: inputs}
	loop.Attribute = []*onnxpb.AttributeProto{attribute{"body", body}.proto(), attribute{"num_scan_inputs", len(inputs)}.proto()}
	p.nodes = append(p.nodes, loop)
	for _, name := range t.outputs() {
		inside := t.names[name]
		body.Output = append(body.Output, valueInfo(inside, float32Type, p.shapes[inside]))
		whole := p.name("tiled")
		loop.Output = append(loop.Output, whole)
		p.node("Reshape", p.name("whole"), []string{whole, p.ints(p.shapes[name]...)}, name)
	}
}

// tileBody writes the nodes of a chain for matrices of a few rows.
type tileBody struct {
	*tilePlan
	chain *chain
	rows  int64
	// names are those of values inside, by their names outside.
	names map[string]string
}

// inputs are the values that the chain reads, in the order of use.
func (t *tileBody) inputs() []string {
	var inputs []string
	for _, n := range t.chain.nodes {
		for _, name := range n.Input {
			if t.varies(name) && t.chainOf(name) != t.chain && !slices.Contains(inputs, name) {
				inputs = append(inputs, name)
			}
		}
	}
	return inputs
}

// outputs are the values that others use.
func (t *tileBody) outputs() []string {
	var outputs []string
	for _, n := range t.chain.nodes {
		for _, name := range n.Output {
			if name != "" && t.leaves(name, t.chain) {
				outputs = append(outputs, name)
			}
		}
	}
	return outputs
}

func (t *tileBody) declare(name string, width int64) *onnxpb.ValueInfoProto {
	t.name(name, width)
	return valueInfo(t.names[name], float32Type, t.shapes[t.names[name]])
}

// name gives a value its name inside.
func (t *tileBody) name(outside string, width int64) string {
	inside := t.builder.name("tile")
	t.names[outside] = inside
	t.shapes[inside], t.types[inside] = []int64{t.rows, width}, float32Type
	return inside
}

// write adds a node of the body.
func (t *tileBody) write(n *node) {
	if n.OpType == "ReduceMean" || n.OpType == "ReduceSum" {
		t.names[n.out(0)] = t.reduce(n.OpType, t.names[n.in(0)], []int64{1})
		return
	}
	inner := &onnxpb.NodeProto{OpType: n.OpType, Domain: n.Domain, Name: t.builder.name(n.OpType), Attribute: n.Attribute}
	if n.OpType == "LayerNormalization" {
		inner.Attribute = []*onnxpb.AttributeProto{attribute{"axis", -1}.proto(), attribute{"epsilon", n.number("epsilon", 1e-5)}.proto()}
	}
	for _, name := range n.Input {
		inner.Input = append(inner.Input, t.operand(name))
	}
	for _, name := range n.Output {
		if name == "" {
			inner.Output = append(inner.Output, "")
			continue
		}
		_, width := t.layout(t.shapes[name])
		inner.Output = append(inner.Output, t.name(name, width))
	}
	t.nodes = append(t.nodes, inner)
}

// operand is an input as the body sees it. Constants have as many axes as
// matrices or fewer.
func (t *tileBody) operand(name string) string {
	if t.varies(name) {
		return t.names[name]
	}
	c := t.constants[name]
	if c == nil || len(c.shape) < 2 || count(c.shape) != c.shape[len(c.shape)-1] {
		return name
	}
	return t.constant(&tensor{kind: c.kind, shape: c.shape[len(c.shape)-1:], data: c.data})
}
