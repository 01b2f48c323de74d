package onnxtest

import (
	"math"

	"quba/internal/onnxfile"
)

// Classifier describes a linear classifier of the mean colour of an image:
// output k is bias k plus the sum over the channels c of mean c times weight
// (c, k). The zero value has 1000 classes, 8x8 float32 NCHW input, a symbolic
// batch and logits.
type Classifier struct {
	Classes int // 0 is 1000
	Size    int // height and width, 0 is 8
	Batch   int // 0 is symbolic
	NHWC    bool
	Input   onnxfile.ElementType // 0 is Float32
	Output  onnxfile.ElementType // 0 is Float32; Float16 also makes the weights so
	Softmax bool
	// NaN takes the square root of the logits, which is NaN for negative ones.
	NaN bool
	// Scale multiplies weights and biases; 0 is 1.
	Scale    float32
	Metadata map[string]string
}

func (c Classifier) withDefaults() Classifier {
	if c.Classes == 0 {
		c.Classes = 1000
	}
	if c.Size == 0 {
		c.Size = 8
	}
	if c.Input == 0 {
		c.Input = onnxfile.Float32
	}
	if c.Output == 0 {
		c.Output = onnxfile.Float32
	}
	if c.Scale == 0 {
		c.Scale = 1
	}
	return c
}

// Weight is the weight of a channel for a class; a float16 model rounds it.
func (c Classifier) Weight(channel, class int) float32 {
	return c.withDefaults().Scale * float32(math.Sin(float64(7*class+3*channel+1)))
}

// Bias is the bias of a class; a float16 model rounds it.
func (c Classifier) Bias(class int) float32 {
	return c.withDefaults().Scale * float32(math.Cos(float64(5*class)))
}

// Model returns the graph.
func (c Classifier) Model() Model {
	c = c.withDefaults()
	var batch any = "N"
	if c.Batch > 0 {
		batch = c.Batch
	}
	dims := []any{batch, 3, c.Size, c.Size}
	if c.NHWC {
		dims = []any{batch, c.Size, c.Size, 3}
	}
	return Model{
		Metadata: c.Metadata,
		Graph: Graph{
			Inputs:  []Value{{Name: "input", Type: c.Input, Dims: dims}},
			Outputs: []Value{{Name: "output", Type: c.Output, Dims: []any{batch, c.Classes}}},
			Nodes:   c.nodes(),
			Tensors: c.tensors(),
		},
	}
}

func (c Classifier) tensors() []Tensor {
	weights, biases := make([]float32, 3*c.Classes), make([]float32, c.Classes)
	for k := range c.Classes {
		biases[k] = c.Bias(k)
		for channel := range 3 {
			weights[channel*c.Classes+k] = c.Weight(channel, k)
		}
	}
	return []Tensor{
		Floats("weight", c.Output, []int64{3, int64(c.Classes)}, weights),
		Floats("bias", c.Output, []int64{int64(c.Classes)}, biases),
	}
}

func (c Classifier) nodes() []Node {
	var chain chain
	value := "input"
	if c.Input != c.Output {
		value = chain.add("Cast", map[string]any{"to": int64(c.Output)}, value)
	}
	if c.NHWC {
		value = chain.add("Transpose", map[string]any{"perm": []int64{0, 3, 1, 2}}, value)
	}
	value = chain.add("GlobalAveragePool", nil, value)
	value = chain.add("Flatten", nil, value)
	value = chain.add("Gemm", nil, value, "weight", "bias")
	if c.NaN {
		value = chain.add("Sqrt", nil, value)
	}
	if c.Softmax {
		value = chain.add("Softmax", nil, value)
	}
	chain.add("Identity", nil, value)
	chain.nodes[len(chain.nodes)-1].Out = []string{"output"}
	return chain.nodes
}

// chain names the values between nodes.
type chain struct{ nodes []Node }

func (c *chain) add(op string, attributes map[string]any, in ...string) string {
	out := op + "_out"
	c.nodes = append(c.nodes, Node{Op: op, In: in, Out: []string{out}, Attributes: attributes})
	return out
}
