package autodiff

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// dense is a linear classifier of 3 numbers with the output "z".
func dense() network {
	return network{
		shape: []int64{2, 3}, constants: map[string]*tensor{"w": float32Tensor([]int64{3, 4}, normal(1, 12))},
		nodes: []*nodeProto{op("MatMul", "x w", "z")},
	}
}

// TestLastSoftmax takes the loss of the logits behind it, through all that
// only reshapes.
func TestLastSoftmax(t *testing.T) {
	initialize(t)
	image := map[string]*tensor{"image": int64Tensor([]int64{2, 4, 1, 1}), "rows": int64Tensor([]int64{2, 4})}
	tests := map[string]struct {
		opset int64
		tail  []*nodeProto
	}{
		"last":             {17, []*nodeProto{op("Softmax", "z", "y")}},
		"opset 9":          {9, []*nodeProto{op("Softmax", "z", "y")}},
		"reshaped after":   {17, []*nodeProto{op("Softmax", "z", "s", attribute{"axis", 1}), op("Reshape", "s image", "i"), op("Flatten", "i", "f"), op("Identity", "f", "y")}},
		"over channels":    {17, []*nodeProto{op("Reshape", "z image", "i"), op("Softmax", "i", "s", attribute{"axis", 1}), op("Reshape", "s rows", "y")}},
		"image of opset 9": {9, []*nodeProto{op("Reshape", "z image", "i"), op("Softmax", "i", "y")}},
	}
	x, labels := normal(2, 6), []int64{3, 0}
	plain := dense()
	plain.nodes = append(plain.nodes, op("Identity", "z", "y"))
	want := evaluate(t, plain.differentiate(t), x, labels)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := dense()
			n.opset, n.nodes, n.constants = test.opset, append(n.nodes, test.tail...), with(n.constants, image)
			g := n.differentiate(t)
			if len(g.Notes) != 1 || !strings.Contains(g.Notes[0], "Softmax is left out") {
				t.Errorf("notes %q", g.Notes)
			}
			got := evaluate(t, g, x, labels)
			near(t, "logits", got.logits, want.logits, 1e-6)
			near(t, "gradient", got.gradient, want.gradient, 1e-6)
		})
	}
}

// TestOtherSoftmax stays where it does not go over all classes.
func TestOtherSoftmax(t *testing.T) {
	initialize(t)
	n := dense()
	n.nodes = append(n.nodes, op("Reshape", "z pairs", "p"), op("Softmax", "p", "s"), op("Flatten", "s", "y"))
	n.constants = with(n.constants, map[string]*tensor{"pairs": int64Tensor([]int64{2, 2, 2})})
	g := n.differentiate(t)
	if len(g.Notes) != 0 {
		t.Errorf("notes %q", g.Notes)
	}
	n.checkSteps(t, normal(3, 6))
}

func TestLossRefuses(t *testing.T) {
	initialize(t)
	tests := map[string]struct {
		tail []*nodeProto
		want string
	}{
		"sigmoid":   {[]*nodeProto{op("Sigmoid", "z", "s"), op("Identity", "s", "y")}, "made by a Sigmoid"},
		"one class": {[]*nodeProto{op("ReduceSum", "z one", "y")}, "two classes or more, has 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := dense()
			n.nodes, n.constants = append(n.nodes, test.tail...), with(n.constants, map[string]*tensor{"one": int64Tensor([]int64{1})})
			n.refusal(t, test.want)
		})
	}
	n := dense()
	n.nodes = append(n.nodes, op("Transpose", "z", "y"))
	_, err := differentiate(context.Background(), n.model(), n.options())
	wantError(t, err, "must have a row for each of the 2 images, has shape [4 2]")
}

// TestLossIsASum leaves the gradient of an image alone when others join it.
func TestLossIsASum(t *testing.T) {
	initialize(t)
	n := dense()
	n.nodes = append(n.nodes, op("Tanh", "z", "y"))
	x := normal(4, 6)
	both := evaluate(t, n.differentiate(t), x, []int64{1, 2})
	n.shape = []int64{1, 3}
	single := n.differentiate(t)
	for i, label := range []int64{1, 2} {
		alone := evaluate(t, single, x[3*i:3*i+3], []int64{label})
		near(t, "gradient", both.gradient[3*i:3*i+3], alone.gradient, 1e-6)
		near(t, "loss", both.loss[i:i+1], alone.loss, 1e-6)
	}
}

// TestNamesAreFree lets a model use the names of the new inputs and outputs.
func TestNamesAreFree(t *testing.T) {
	initialize(t)
	n := network{shape: []int64{1, 3}, nodes: []*nodeProto{
		op("Exp", "x", "labels"), op("Tanh", "labels", "loss"), op("Neg", "loss", "input_gradient"), op("Exp", "input_gradient", "y"),
	}}
	g := n.differentiate(t)
	names := []string{g.Images, g.Labels, g.Logits, g.Loss, g.Input}
	slices.Sort(names)
	if len(slices.Compact(names)) != 5 {
		t.Fatalf("names %q", names)
	}
	n.checkSteps(t, []float32{-1, 0.1, 0.4})
}
