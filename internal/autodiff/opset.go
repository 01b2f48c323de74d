package autodiff

import (
	"errors"
	"fmt"
	"slices"

	"quba/internal/onnxpb"
)

// The gradient is written in opset 17: ScatterElements adds from 16 on. Older
// models are upgraded. Before opset 7 operators broadcast in another way.
const (
	gradientOpset = 17
	oldestOpset   = 7
)

// opsetOf is the version of the ONNX operators that the model uses.
func opsetOf(model *onnxpb.ModelProto) (*onnxpb.OperatorSetIdProto, error) {
	for _, o := range model.OpsetImport {
		if standard(o.Domain) {
			return o, nil
		}
	}
	return nil, errors.New("must say which opset of the ONNX operators it uses")
}

// upgrade brings an older model to opset 17. A newer one stays as it is.
func upgrade(model *onnxpb.ModelProto) error {
	opset, err := opsetOf(model)
	if err != nil {
		return err
	}
	if opset.Version < oldestOpset {
		return fmt.Errorf("must have opset %d or later, has %d; export it again", oldestOpset, opset.Version)
	}
	if opset.Version >= gradientOpset {
		return nil
	}
	u := &upgrader{from: opset.Version, prefix: freePrefix(model.Graph.Node, "upgrade/"), known: model.Graph.Initializer}
	opset.Version = gradientOpset
	return u.graph(model.Graph)
}

// upgrader rewrites the nodes of which the meaning or layout has changed.
type upgrader struct {
	from    int64
	prefix  string
	counter int

	known        []*onnxpb.TensorProto // of the main graph
	nodes        []*onnxpb.NodeProto
	initialisers []*onnxpb.TensorProto
}

// changes are the operators of image classifiers that changed between the
// oldest opset and 17, with the opset that did it. All others only gained
// element types or attributes with the old meaning as default.
var changes = map[string]struct {
	opset int64
	apply func(u *upgrader, n *onnxpb.NodeProto) error
}{
	"Slice":              {10, attributesToInputs("starts", "ends", "axes")},
	"Upsample":           {10, upsampleToResize},
	"Resize":             {11, resizeWithRegion},
	"Pad":                {11, attributesToInputs("pads", "value")},
	"Clip":               {11, attributesToInputs("min", "max")},
	"Scatter":            {11, scatterElements},
	"Dropout":            {12, withoutRatio},
	"Squeeze":            {13, attributesToInputs("axes")},
	"Unsqueeze":          {13, attributesToInputs("axes")},
	"ReduceSum":          {13, attributesToInputs("axes")},
	"Split":              {13, attributesToInputs("split")},
	"Softmax":            {13, overFlattened},
	"LogSoftmax":         {13, overFlattened},
	"Hardmax":            {13, overFlattened},
	"BatchNormalization": {14, atInference},
}

// graph rewrites a graph, and those inside its nodes first.
func (u *upgrader) graph(g *onnxpb.GraphProto) error {
	nodes := g.Node
	for _, n := range nodes {
		for _, a := range n.Attribute {
			for _, inner := range subgraphs(a) {
				if err := u.graph(inner); err != nil {
					return err
				}
			}
		}
	}
	u.nodes, u.initialisers = nil, nil
	for _, n := range nodes {
		if err := u.node(n); err != nil {
			return fmt.Errorf("node %q (%s): %w", n.Name, n.OpType, err)
		}
	}
	g.Node, g.Initializer = u.nodes, append(g.Initializer, u.initialisers...)
	return nil
}

func (u *upgrader) node(n *onnxpb.NodeProto) error {
	change, known := changes[n.OpType]
	if !known || !standard(n.Domain) || u.from >= change.opset {
		u.nodes = append(u.nodes, n)
		return nil
	}
	return change.apply(u, n)
}

// name makes a name that the model does not have.
func (u *upgrader) name() string {
	u.counter++
	return fmt.Sprint(u.prefix, u.counter)
}

func (u *upgrader) constant(t *tensor) string {
	name := u.name()
	u.initialisers = append(u.initialisers, t.proto(name))
	return name
}

// take removes an attribute; nil when it is absent.
func take(n *onnxpb.NodeProto, name string) *onnxpb.AttributeProto {
	i := slices.IndexFunc(n.Attribute, func(a *onnxpb.AttributeProto) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	a := n.Attribute[i]
	n.Attribute = slices.Delete(n.Attribute, i, i+1)
	return a
}

func integerAttribute(name string, v int64) *onnxpb.AttributeProto {
	return attribute{name, v}.proto()
}

func textAttribute(name, v string) *onnxpb.AttributeProto { return attribute{name, v}.proto() }

// attributesToInputs makes attributes the inputs after the first.
func attributesToInputs(names ...string) func(*upgrader, *onnxpb.NodeProto) error {
	return func(u *upgrader, n *onnxpb.NodeProto) error {
		inputs := n.Input[:min(1, len(n.Input))]
		for _, name := range names {
			inputs = append(inputs, u.input(take(n, name)))
		}
		n.Input = withoutAbsentTail(inputs)
		u.nodes = append(u.nodes, n)
		return nil
	}
}

// input is the constant of an attribute, "" for none.
func (u *upgrader) input(a *onnxpb.AttributeProto) string {
	switch {
	case a == nil:
		return ""
	case a.Type == onnxpb.AttributeProto_FLOAT:
		return u.constant(scalar(float32Type, float64(a.F)))
	}
	return u.constant(int64Tensor(a.Ints))
}

func withoutAbsentTail(inputs []string) []string {
	for len(inputs) > 0 && inputs[len(inputs)-1] == "" {
		inputs = inputs[:len(inputs)-1]
	}
	return inputs
}

// upsampleToResize keeps the positions of Upsample: those of output over scale.
func upsampleToResize(u *upgrader, n *onnxpb.NodeProto) error {
	if scales := take(n, "scales"); scales != nil {
		n.Input = append(n.Input, u.constant(float32Tensor([]int64{int64(len(scales.Floats))}, scales.Floats)))
	}
	n.OpType = "Resize"
	return resizeWithRegion(u, n)
}

// resizeWithRegion adds the region, which later opsets have as second input.
// The nearest pixel was the one before when enlarging, and the one after when
// making smaller.
func resizeWithRegion(u *upgrader, n *onnxpb.NodeProto) error {
	if len(n.Input) != 2 {
		return errors.New("must have an image and scales")
	}
	n.Input = []string{n.Input[0], "", n.Input[1]}
	nearest := "floor"
	if u.shrinks(n.Input[2]) {
		nearest = "ceil"
	}
	n.Attribute = append(n.Attribute,
		textAttribute("coordinate_transformation_mode", "asymmetric"), textAttribute("nearest_mode", nearest))
	u.nodes = append(u.nodes, n)
	return nil
}

// shrinks says whether constant scales are below 1; scales that are computed
// are taken to enlarge.
func (u *upgrader) shrinks(scales string) bool {
	for _, p := range slices.Concat(u.known, u.initialisers) {
		if p.Name != scales {
			continue
		}
		t, err := fromProto(p)
		return err == nil && t.kind == float32Type && slices.ContainsFunc(t.float32s(), func(s float32) bool { return s < 1 })
	}
	return false
}

// scatterElements is Scatter's later name.
func scatterElements(u *upgrader, n *onnxpb.NodeProto) error {
	n.OpType = "ScatterElements"
	u.nodes = append(u.nodes, n)
	return nil
}

// withoutRatio drops what means nothing at inference.
func withoutRatio(u *upgrader, n *onnxpb.NodeProto) error {
	take(n, "ratio")
	u.nodes = append(u.nodes, n)
	return nil
}

// atInference leaves out the outputs and the attribute of training.
func atInference(u *upgrader, n *onnxpb.NodeProto) error {
	if spatial := take(n, "spatial"); spatial != nil && spatial.I == 0 {
		return errors.New("must have one mean for each channel (spatial is 1), export it again")
	}
	n.Output = n.Output[:min(1, len(n.Output))]
	u.nodes = append(u.nodes, n)
	return nil
}

// overFlattened keeps the old meaning of Softmax and its kin: over all axes
// from axis on, at once.
func overFlattened(u *upgrader, n *onnxpb.NodeProto) error {
	if len(n.Input) != 1 || len(n.Output) != 1 {
		return errors.New("must have one input and one output")
	}
	axis := int64(1)
	if a := take(n, "axis"); a != nil {
		axis = a.I
	}
	x, y := n.Input[0], n.Output[0]
	rows, shape, result := u.name(), u.name(), u.name()
	n.Input, n.Output = []string{rows}, []string{result}
	n.Attribute = append(n.Attribute, integerAttribute("axis", -1))
	u.nodes = append(u.nodes,
		&onnxpb.NodeProto{OpType: "Flatten", Name: rows, Input: []string{x}, Output: []string{rows}, Attribute: []*onnxpb.AttributeProto{integerAttribute("axis", axis)}},
		n,
		&onnxpb.NodeProto{OpType: "Shape", Name: shape, Input: []string{x}, Output: []string{shape}},
		&onnxpb.NodeProto{OpType: "Reshape", Name: y, Input: []string{result, shape}, Output: []string{y}},
	)
	return nil
}
