package autodiff

import (
	"slices"

	"quba/internal/onnxpb"
)

// write adds the nodes anew, with the chains that are worth it as Scans.
func (p *tilePlan) write() {
	w := &tileWriter{p, map[*chain]int64{nil: 1}, map[*node]bool{}}
	for _, c := range p.chains {
		w.tiles[c] = p.tilesOf(c)
	}
	for _, n := range p.all {
		if w.tiles[p.of[n]] == 1 {
			w.emit(n)
		}
	}
	for _, n := range p.all {
		w.emit(n) // what only the graph's user uses
	}
}

// tileWriter adds the nodes of a plan in an order that can run.
type tileWriter struct {
	*tilePlan
	// tiles is into how many tiles a chain is cut, 1 where it is not.
	tiles map[*chain]int64
	added map[*node]bool
}

// emit adds a node, or the Scan that has it, behind all that it needs.
func (w *tileWriter) emit(n *node) {
	if n == nil || w.added[n] {
		return
	}
	c := w.of[n]
	together := []*node{n}
	if w.tiles[c] > 1 {
		together = c.nodes
	}
	for _, member := range together {
		w.added[member] = true
	}
	for _, member := range together {
		for _, name := range usedBy(member.NodeProto) {
			w.emit(w.value(name).maker)
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
	tiles := p.fitting(c.rows, widest)
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
				within += floatBytes * c.rows * width
			}
		}
	}
	return widest, within
}

// fitting is the smallest number of equal tiles of which each has room in a
// cache, 1 when there is none but of tiny ones.
func (p *tilePlan) fitting(rows, width int64) int64 {
	if !p.isLarge(rows, width) {
		return 1
	}
	const tiny = 8 // of them have the room of one
	row, room := floatBytes*width, p.tiling.tile
	for tiles := rows * row / room; tiles <= rows && tiny*rows*row >= tiles*room; tiles++ {
		if rows%tiles == 0 && rows/tiles*row <= room {
			return tiles
		}
	}
	return 1
}

// leaves says whether a value of a chain is used outside.
func (p *tilePlan) leaves(value string, c *chain) bool {
	v := p.value(value)
	return v.output || slices.ContainsFunc(v.users, func(n *node) bool { return p.of[n] != c })
}

// scan adds a chain as a loop over tiles.
func (p *tilePlan) scan(c *chain, tiles int64) {
	t := &tileBody{p, c, c.rows / tiles, map[string]string{}}
	body := &onnxpb.GraphProto{Name: p.name("tile")}
	inputs := t.inputs()
	loop := &onnxpb.NodeProto{OpType: "Scan", Name: p.name("tiles")}
	for _, name := range inputs {
		_, width := p.layout(p.shapes[name])
		loop.Input = append(loop.Input, p.reshape(name, []int64{tiles, t.rows, width}))
		inside := t.inside(name, width)
		body.Input = append(body.Input, valueInfo(inside, float32Type, p.shapes[inside]))
	}
	body.Node = p.collect(func() {
		for _, n := range c.nodes {
			t.emit(n)
		}
	})
	loop.Attribute = []*onnxpb.AttributeProto{attribute{"body", body}.proto(), attribute{"num_scan_inputs", len(inputs)}.proto()}
	p.nodes = append(p.nodes, loop)
	for _, name := range t.outputs() {
		inside := t.names[name]
		body.Output = append(body.Output, valueInfo(inside, float32Type, p.shapes[inside]))
		whole := p.name("tiled")
		_, width := p.layout(p.shapes[name])
		p.shapes[whole], p.types[whole] = []int64{tiles, t.rows, width}, float32Type
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
			v := t.value(name)
			if !v.fixed && t.of[v.maker] != t.chain && !slices.Contains(inputs, name) {
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

// inside gives a value its name inside.
func (t *tileBody) inside(name string, width int64) string {
	inside := t.name("tile")
	t.names[name] = inside
	t.shapes[inside], t.types[inside] = []int64{t.rows, width}, float32Type
	return inside
}

// emit adds a node of the body.
func (t *tileBody) emit(n *node) {
	switch n.OpType {
	case "ReduceMean", "ReduceSum":
		t.names[n.out(0)] = t.reduce(n.OpType, t.names[n.in(0)], []int64{1})
		return
	case "LayerNormalization":
		t.emitWith(n, attribute{"axis", -1}.proto(), attribute{"epsilon", n.number("epsilon", 1e-5)}.proto())
		return
	}
	t.emitWith(n, n.Attribute...)
}

func (t *tileBody) emitWith(n *node, attributes ...*onnxpb.AttributeProto) {
	inner := &onnxpb.NodeProto{OpType: n.OpType, Domain: n.Domain, Name: t.name(n.OpType), Attribute: attributes}
	for _, name := range n.Input {
		inner.Input = append(inner.Input, t.operand(name))
	}
	for _, name := range n.Output {
		inside := ""
		if name != "" {
			_, width := t.layout(t.shapes[name])
			inside = t.inside(name, width)
		}
		inner.Output = append(inner.Output, inside)
	}
	t.nodes = append(t.nodes, inner)
}

// operand is an input as the body sees it. Constants have no more axes than
// matrices.
func (t *tileBody) operand(name string) string {
	if inside, ok := t.names[name]; ok {
		return inside
	}
	c := t.constants[name]
	if c == nil || len(c.shape) <= 2 {
		return name
	}
	t.names[name] = t.constant(&tensor{kind: c.kind, shape: c.shape[len(c.shape)-1:], data: c.data})
	return t.names[name]
}
