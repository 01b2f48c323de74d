package autodiff

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxpb"
)

// mergePads moves zeros that a Pad puts around images into the convolution
// that follows, as onnxruntime does: the gradient then needs no Slice.
func (b *builder) mergePads() {
	pads := map[string]*node{}
	for i, n := range b.forwardNodes() {
		switch {
		case !standard(n.Domain):
		case n.OpType == "Pad":
			pads[n.out(0)] = n
		case n.OpType == "Conv" && pads[n.in(0)] != nil:
			b.nodes[i] = b.mergedPad(pads[n.in(0)], n)
		}
	}
}

// mergedPad is the convolution with the zeros of the Pad, or as it is where
// they are none around images only.
func (b *builder) mergedPad(pad, conv *node) *onnxpb.NodeProto {
	added := b.spatialZeros(pad)
	if auto := conv.text("auto_pad", "NOTSET"); added == nil || auto != "NOTSET" && auto != "VALID" {
		return conv.NodeProto
	}
	if pads := conv.integers("pads"); len(pads) == len(added) {
		for i, p := range pads {
			added[i] += p
		}
	}
	merged := proto.CloneOf(conv.NodeProto)
	merged.Input[0] = pad.in(0)
	merged.Attribute = slices.DeleteFunc(merged.Attribute, func(a *onnxpb.AttributeProto) bool {
		return a.Name == "pads" || a.Name == "auto_pad"
	})
	merged.Attribute = append(merged.Attribute, attribute{"pads", added}.proto())
	return merged
}

// spatialZeros are the pads of a node, in Conv's layout, when they are
// constant zeros around images; else nil.
func (b *builder) spatialZeros(pad *node) []int64 {
	if pad.text("mode", "constant") != "constant" || pad.in(3) != "" || !b.zeroOrAbsent(pad.in(2)) {
		return nil
	}
	pads, err := b.constantInts(pad.in(1), "pads")
	rank := len(b.shapes[pad.in(0)])
	if err != nil || rank < 3 || len(pads) != 2*rank || slices.Min(pads) < 0 {
		return nil
	}
	before, after := pads[:rank], pads[rank:]
	if before[0] != 0 || before[1] != 0 || after[0] != 0 || after[1] != 0 {
		return nil
	}
	return slices.Concat(before[2:], after[2:])
}

func (b *builder) zeroOrAbsent(value string) bool {
	if value == "" {
		return true
	}
	t := b.constants[value]
	if t == nil {
		return false
	}
	v, ok := t.number()
	return ok && v == 0
}
