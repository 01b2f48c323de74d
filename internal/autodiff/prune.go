package autodiff

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"quba/internal/onnxpb"
)

// needed are the nodes that the outputs need, in their order.
func needed(nodes []*onnxpb.NodeProto, outputs []string) []*onnxpb.NodeProto {
	used := map[string]bool{}
	for _, name := range outputs {
		used[name] = true
	}
	var kept []*onnxpb.NodeProto
	for _, n := range slices.Backward(nodes) {
		if !slices.ContainsFunc(n.Output, func(name string) bool { return used[name] }) {
			continue
		}
		kept = append(kept, n)
		for _, name := range usedBy(n) {
			used[name] = true
		}
	}
	slices.Reverse(kept)
	return kept
}

// unique computes each thing once: nodes that only pass a value on go, and of
// those that do the same to the same inputs the first stays. Those that make
// outputs of the graph, or values that subgraphs use, stay as well.
func unique(nodes []*onnxpb.NodeProto, outputs []string) []*onnxpb.NodeProto {
	fixed := map[string]bool{}
	for _, name := range outputs {
		fixed[name] = true
	}
	for _, n := range nodes {
		for _, name := range usedBy(n)[len(n.Input):] {
			fixed[name] = true
		}
	}
	first := map[string]*onnxpb.NodeProto{}
	same := map[string]string{}
	isFixed := func(name string) bool { return fixed[name] }
	var kept []*onnxpb.NodeProto
	for _, n := range nodes {
		for i, name := range n.Input {
			if other, ok := same[name]; ok {
				n.Input[i] = other
			}
		}
		replaceable := !slices.ContainsFunc(n.Output, isFixed)
		if replaceable && n.OpType == "Identity" && standard(n.Domain) {
			same[n.Output[0]] = n.Input[0]
			continue
		}
		key := work(n)
		other, seen := first[key]
		if seen && replaceable {
			for i, name := range n.Output {
				same[name] = other.Output[i]
			}
			continue
		}
		if !seen {
			first[key] = n
		}
		kept = append(kept, n)
	}
	return kept
}

// work is equal for nodes that do the same.
func work(n *onnxpb.NodeProto) string {
	present := make([]bool, len(n.Output))
	for i, name := range n.Output {
		present[i] = name != ""
	}
	bare := &onnxpb.NodeProto{OpType: n.OpType, Domain: n.Domain, Input: n.Input, Attribute: n.Attribute}
	// A node that cannot be serialised is met again when the model is.
	data, _ := proto.MarshalOptions{Deterministic: true}.Marshal(bare)
	return fmt.Sprintf("%s %v", data, present)
}
