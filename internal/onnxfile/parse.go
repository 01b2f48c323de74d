package onnxfile

import (
	"errors"
	"fmt"
)

// maxDepth bounds how deep graphs nest in attributes.
const maxDepth = 32

// smallConstant is the size up to which the tensor of a Constant node is a
// setting (an epsilon, a shape) and not a weight.
const smallConstant = 16

// locationExternal is TensorProto.DataLocation.EXTERNAL.
const locationExternal = 1

// Field numbers of onnx.proto, by message.
const (
	modelIRVersion = 1
	modelGraph     = 7
	modelOpset     = 8
	modelMetadata  = 14
	modelFunction  = 25

	graphNode        = 1
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12
	graphSparse      = 15

	nodeInput     = 1
	nodeOutput    = 2
	nodeOpType    = 4
	nodeAttribute = 5
	nodeDomain    = 7

	attributeTensor  = 5
	attributeGraph   = 6
	attributeTensors = 10
	attributeGraphs  = 11
	attributeSparse  = 22
	attributeSparses = 23

	tensorDims     = 1
	tensorType     = 2
	tensorName     = 8
	tensorExternal = 13
	tensorLocation = 14

	functionNode      = 7
	functionAttribute = 11

	valueName         = 1
	valueType         = 2
	typeTensor        = 1
	tensorTypeElement = 1
	tensorTypeShape   = 2
	shapeDim          = 1
	dimValue          = 1
	dimParam          = 2
)

// Parse reads a serialised ModelProto. It never panics, whatever the bytes.
func Parse(data []byte) (*File, error) {
	p := parser{file: &File{Opsets: map[string]int64{}, Metadata: map[string]string{}}}
	if err := eachField(data, p.modelField); err != nil {
		return nil, err
	}
	if !p.hasGraph {
		return nil, errors.New("not an ONNX model: it has no graph")
	}
	return p.file, nil
}

type parser struct {
	file     *File
	hasGraph bool
}

func (p *parser) modelField(f field) error {
	switch f.num {
	case modelIRVersion:
		p.file.IRVersion = int64(f.number)
	case modelGraph:
		return p.mainGraph(f)
	case modelOpset:
		return p.opset(f.bytes)
	case modelMetadata:
		key, value, err := entry(f.bytes)
		p.file.Metadata[key] = value
		return err
	case modelFunction:
		return p.function(f)
	}
	return nil
}

func (p *parser) opset(msg []byte) error {
	domain, version := "", int64(0)
	err := eachField(msg, func(f field) error {
		switch f.num {
		case 1:
			domain = f.text()
		case 2:
			version = int64(f.number)
		}
		return nil
	})
	p.file.Opsets[domain] = version
	return err
}

func (p *parser) mainGraph(f field) error {
	if p.hasGraph {
		return errors.New("not an ONNX model: it has two graphs")
	}
	p.hasGraph = true
	msg, err := f.message()
	if err != nil {
		return err
	}
	g, err := p.graph(msg, 0)
	if err != nil {
		return err
	}
	for _, in := range g.inputs {
		if !g.tensors[in.Name].named {
			p.file.Inputs = append(p.file.Inputs, in)
		}
	}
	for _, out := range g.outputs {
		out.Producer = g.producer(out.Name)
		p.file.Outputs = append(p.file.Outputs, out)
	}
	return nil
}

// graph is what is kept of a GraphProto while it is read.
type graph struct {
	inputs, outputs []Value
	tensors         map[string]counted
	untrained       map[string]bool
	makers          map[string]maker
}

// counted is an initialiser: its number of trainable elements, and whether
// it exists.
type counted struct {
	elements int64
	named    bool
}

// maker is the node that makes a value, with the first of its inputs.
type maker struct{ op, input string }

func newGraph() *graph {
	return &graph{tensors: map[string]counted{}, untrained: map[string]bool{}, makers: map[string]maker{}}
}

func (p *parser) graph(msg []byte, depth int) (*graph, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("graphs are nested more than %d deep", maxDepth)
	}
	g := newGraph()
	if err := eachField(msg, func(f field) error { return p.graphField(g, f, depth) }); err != nil {
		return nil, err
	}
	return g, p.countParameters(g)
}

func (p *parser) graphField(g *graph, f field, depth int) error {
	switch f.num {
	case graphNode:
		return p.node(g, f.bytes, depth)
	case graphInitializer:
		t, err := p.tensor(f.bytes)
		g.tensors[t.name] = counted{elements: t.trainable(), named: true}
		return err
	case graphSparse:
		t, err := p.sparse(f.bytes)
		g.tensors[t.name] = counted{elements: t.trainable(), named: true}
		return err
	case graphInput:
		v, err := value(f.bytes)
		g.inputs = append(g.inputs, v)
		return err
	case graphOutput:
		v, err := value(f.bytes)
		g.outputs = append(g.outputs, v)
		return err
	}
	return nil
}

func (p *parser) countParameters(g *graph) error {
	for name, t := range g.tensors {
		if g.untrained[name] {
			continue
		}
		if err := p.addParameters(t.elements); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) addParameters(n int64) error {
	if p.file.Parameters+n < 0 {
		return errors.New("has more than 2^63 parameters")
	}
	p.file.Parameters += n
	return nil
}

func (p *parser) function(f field) error {
	msg, err := f.message()
	if err != nil {
		return err
	}
	g := newGraph()
	return eachField(msg, func(f field) error {
		switch f.num {
		case functionNode:
			return p.node(g, f.bytes, 1)
		case functionAttribute:
			return p.attribute(f.bytes, false, 1)
		}
		return nil
	})
}

func (p *parser) node(g *graph, msg []byte, depth int) error {
	var inputs, outputs []string
	var attributes [][]byte
	op, domain := "", ""
	err := eachField(msg, func(f field) error {
		switch f.num {
		case nodeInput:
			inputs = append(inputs, f.text())
		case nodeOutput:
			outputs = append(outputs, f.text())
		case nodeOpType:
			op = f.text()
		case nodeDomain:
			domain = f.text()
		case nodeAttribute:
			attributes = append(attributes, f.bytes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	g.addNode(op, domain, inputs, outputs)
	for _, a := range attributes {
		if err := p.attribute(a, op == "Constant", depth); err != nil {
			return err
		}
	}
	return nil
}

func (g *graph) addNode(op, domain string, inputs, outputs []string) {
	m := maker{op: op}
	if len(inputs) > 0 {
		m.input = inputs[0]
	}
	for _, out := range outputs {
		g.makers[out] = m
	}
	if op == "BatchNormalization" && domain == "" && len(inputs) == 5 {
		g.untrained[inputs[3]], g.untrained[inputs[4]] = true, true
	}
}

// transparent are the operators that change how numbers are held, not what
// they are.
var transparent = map[string]bool{
	"Identity": true, "Cast": true, "Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true,
}

// producer follows name back to the operator that computes it.
func (g *graph) producer(name string) string {
	seen := map[string]bool{}
	for !seen[name] {
		seen[name] = true
		m := g.makers[name]
		if !transparent[m.op] {
			return m.op
		}
		name = m.input
	}
	return ""
}

func (p *parser) attribute(msg []byte, constant bool, depth int) error {
	return eachField(msg, func(f field) error {
		switch f.num {
		case attributeTensor, attributeTensors:
			t, err := p.tensor(f.bytes)
			return p.constant(t, constant, err)
		case attributeSparse, attributeSparses:
			t, err := p.sparse(f.bytes)
			return p.constant(t, constant, err)
		case attributeGraph, attributeGraphs:
			msg, err := f.message()
			if err != nil {
				return err
			}
			_, err = p.graph(msg, depth+1)
			return err
		}
		return nil
	})
}

func (p *parser) constant(t tensor, constant bool, err error) error {
	if err != nil || !constant || t.trainable() <= smallConstant {
		return err
	}
	return p.addParameters(t.trainable())
}
