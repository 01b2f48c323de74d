package autodiff

import (
	"errors"
	"fmt"

	"quba/internal/onnxpb"
)

// minIRVersion goes with opset 17.
const minIRVersion = 8

// normalise brings a model into the form that the rules know: no Constant
// nodes, no Dropout, no float16, and an opset of at least 17. It returns what
// the user should know.
func normalise(model *onnxpb.ModelProto) (notes []string, err error) {
	if len(model.Functions) > 0 {
		f := model.Functions[0]
		return nil, fmt.Errorf("must have no functions of its own, has %s; export it again with the functions inlined", qualified(f.Domain, f.Name))
	}
	g := model.Graph
	if len(g.SparseInitializer) > 0 {
		return nil, errors.New("must have dense weights, has sparse ones")
	}
	g.ValueInfo = nil // types may change and names go
	dropInitialisedInputs(g)
	if err := constantsToInitialisers(g); err != nil {
		return nil, err
	}
	if err := upgrade(model); err != nil {
		return nil, err
	}
	halves, err := widen(g)
	if err != nil {
		return nil, err
	}
	if halves {
		notes = append(notes, "float16 weights are computed with in float32")
	}
	dropDropout(g)
	model.IrVersion = max(model.IrVersion, minIRVersion)
	return notes, nil
}

// qualified is the name of an operator with its domain.
func qualified(domain, operator string) string {
	if domain == "" || domain == "ai.onnx" {
		return operator
	}
	return domain + ":" + operator
}

// dropInitialisedInputs leaves the inputs without a value: models of IR
// version 3 list their weights as inputs.
func dropInitialisedInputs(g *onnxpb.GraphProto) {
	initialised := map[string]bool{}
	for _, t := range g.Initializer {
		initialised[t.Name] = true
	}
	var inputs []*onnxpb.ValueInfoProto
	for _, in := range g.Input {
		if !initialised[in.Name] {
			inputs = append(inputs, in)
		}
	}
	g.Input = inputs
}

// constantsToInitialisers does away with the Constant nodes of the main graph.
func constantsToInitialisers(g *onnxpb.GraphProto) error {
	var nodes []*onnxpb.NodeProto
	for _, n := range g.Node {
		if n.OpType != "Constant" || !standard(n.Domain) || len(n.Output) != 1 {
			nodes = append(nodes, n)
			continue
		}
		t, err := constantOf(n)
		if err != nil {
			return err
		}
		g.Initializer = append(g.Initializer, t)
	}
	g.Node = nodes
	return nil
}

// standard says whether a domain is that of the ONNX operators.
func standard(domain string) bool { return domain == "" || domain == "ai.onnx" }

func constantOf(n *onnxpb.NodeProto) (*onnxpb.TensorProto, error) {
	name := n.Output[0]
	for _, a := range n.Attribute {
		switch a.Name {
		case "value":
			if a.T == nil {
				continue
			}
			a.T.Name = name
			return a.T, nil
		case "value_float":
			return scalar(float32Type, float64(a.F)).proto(name), nil
		case "value_floats":
			return float32Tensor([]int64{int64(len(a.Floats))}, a.Floats).proto(name), nil
		case "value_int":
			return (&tensor{kind: int64Type, data: int64Tensor([]int64{a.I}).data}).proto(name), nil
		case "value_ints":
			return int64Tensor(a.Ints).proto(name), nil
		}
	}
	return nil, fmt.Errorf("node %q: Constant must have a dense value of numbers", n.Name)
}

// widen turns every float16 of the graph into float32, and says whether there
// was one: gradients underflow in float16.
func widen(g *onnxpb.GraphProto) (found bool, err error) {
	err = eachTensor(g, func(p *onnxpb.TensorProto) error {
		if elementType(p.DataType) != float16Type {
			return nil
		}
		t, err := fromProto(p)
		if err != nil {
			return err
		}
		p.DataType, p.RawData, p.Int32Data = int32(float32Type), t.widened().data, nil
		found = true
		return nil
	})
	if err != nil {
		return false, err
	}
	eachNode(g, func(n *onnxpb.NodeProto) {
		for _, a := range n.Attribute {
			widenAttribute(n, a)
			for _, inner := range subgraphs(a) {
				widenValues(inner)
			}
		}
	})
	return widenValues(g) || found, nil
}

// widenAttribute changes the target of casts and the type of made tensors.
func widenAttribute(n *onnxpb.NodeProto, a *onnxpb.AttributeProto) {
	target := n.OpType == "Cast" && a.Name == "to" || a.Name == "dtype"
	if target && a.I == int64(float16Type) {
		a.I = int64(float32Type)
	}
}

func widenValues(g *onnxpb.GraphProto) (found bool) {
	for _, values := range [][]*onnxpb.ValueInfoProto{g.Input, g.Output, g.ValueInfo} {
		for _, v := range values {
			t := v.GetType().GetTensorType()
			if t != nil && elementType(t.ElemType) == float16Type {
				t.ElemType, found = int32(float32Type), true
			}
		}
	}
	return found
}

// dropDropout turns Dropout into the Identity that it is at inference. One
// whose mask is used stays.
func dropDropout(g *onnxpb.GraphProto) {
	for _, n := range g.Node {
		if n.OpType == "Dropout" && standard(n.Domain) && len(n.Output) == 1 {
			n.OpType, n.Input, n.Attribute = "Identity", n.Input[:min(1, len(n.Input))], nil
		}
	}
}
