package stages_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
	"quba/pipeline"
	"quba/stages"
)

// TestDifferentiatorIsExact holds loss and gradient against those of the
// linear classifier in closed form, in pixel units whatever the network's
// layout, colours and scale are.
func TestDifferentiatorIsExact(t *testing.T) {
	tests := map[string]struct {
		classifier onnxtest.Classifier
		change     func(*stages.OnnxConfig)
	}{
		"NCHW":          {onnxtest.Classifier{Classes: 7}, nil},
		"NHWC":          {onnxtest.Classifier{Classes: 7, NHWC: true}, nil},
		"BGR":           {onnxtest.Classifier{Classes: 7}, func(c *stages.OnnxConfig) { c.Input.Color = "BGR" }},
		"pixels as are": {onnxtest.Classifier{Classes: 7, Scale: 0.01}, func(c *stages.OnnxConfig) { c.Preprocess.Scale = "none" }},
		"softmax":       {onnxtest.Classifier{Classes: 7, Softmax: true}, nil},
		"batch of 1":    {onnxtest.Classifier{Classes: 7, Batch: 1}, nil},
		"float16":       {onnxtest.Classifier{Classes: 7, Input: onnxfile.Float16, Output: onnxfile.Float16}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := plainConfig()
			c.Path = test.classifier.Model().Write(t, "m.onnx")
			if test.change != nil {
				test.change(&c)
			}
			model, err := open(t, c)
			check(t, err)
			tolerance := 2e-6
			if test.classifier.Input == onnxfile.Float16 {
				tolerance = 2e-3
			}
			checkDifferentiator(t, model, test.classifier, c, tolerance)
			checkNotes(t, model, noted[name])
		})
	}
}

// noted are the networks of which something must be said.
var noted = map[string]string{
	"softmax": "the last Softmax is left out",
	"float16": "float16",
}

func checkNotes(t *testing.T, model *stages.Onnx, want string) {
	t.Helper()
	for _, gradient := range []bool{false, true} {
		d, err := model.Differentiator(context.Background(), gradient)
		check(t, err)
		notes := d.Notes()
		if !gradient || want == "" {
			if len(notes) > 0 {
				t.Errorf("notes %q", notes)
			}
		} else if len(notes) != 1 || !strings.Contains(notes[0], want) {
			t.Errorf("notes %q, want one of %q", notes, want)
		}
		check(t, d.Close())
	}
}

func checkDifferentiator(t *testing.T, model *stages.Onnx, classifier onnxtest.Classifier, c stages.OnnxConfig, tolerance float64) {
	d, err := model.Differentiator(context.Background(), true)
	check(t, err)
	defer func() { check(t, d.Close()) }()
	h, w := d.Size()
	plane, images := h*w, d.Batch()
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 3*plane*images)
	for i := range x {
		x[i] = random.Float32()*1.2 - 0.1 // also outside of [0, 1]
	}
	labels := make([]int64, images)
	for i := range labels {
		labels[i] = int64(random.IntN(d.Classes()))
	}
	logits, plain := make([]float32, images*d.Classes()), make([]float32, images*d.Classes())
	loss, dx := make([]float32, images), make([]float32, len(x))
	check(t, d.Gradient(context.Background(), x, labels, logits, loss, dx))
	check(t, d.Logits(context.Background(), x, plain))
	for i := range images {
		want := closedForm(classifier, c, x[3*plane*i:3*plane*(i+1)], int(labels[i]))
		if math.Abs(float64(loss[i])-want.loss) > tolerance*(1+want.loss) {
			t.Errorf("image %d: loss %v, want %v", i, loss[i], want.loss)
		}
		for channel := range 3 {
			got := float64(dx[3*plane*i+channel*plane])
			if math.Abs(got-want.dx[channel]) > tolerance*want.largest()+1e-9 {
				t.Errorf("image %d, channel %d: gradient %v, want %v", i, channel, got, want.dx[channel])
			}
		}
		for k := range d.Classes() {
			// Probabilities come back as their logarithms: equal but for a constant.
			at, base := i*d.Classes()+k, i*d.Classes()
			if diff := float64((plain[at] - plain[base]) - (logits[at] - logits[base])); math.Abs(diff) > 20*tolerance {
				t.Errorf("image %d, class %d: the plain network's logit differs by %v", i, k, diff)
			}
		}
	}
}

type linearGradient struct {
	loss float64
	dx   [3]float64 // of every value of a channel
}

func (g linearGradient) largest() float64 {
	return math.Max(math.Abs(g.dx[0]), math.Max(math.Abs(g.dx[1]), math.Abs(g.dx[2])))
}

// closedForm is the cross-entropy of the mean colour's linear classifier.
func closedForm(classifier onnxtest.Classifier, c stages.OnnxConfig, x []float32, label int) linearGradient {
	plane := len(x) / 3
	scale := 1.0
	if c.Preprocess.Scale == "none" {
		scale = 255
	}
	logits := make([]float64, classifier.Classes)
	sum := 0.0
	for k := range logits {
		logits[k] = float64(classifier.Bias(k))
		for channel := range 3 {
			mean := 0.0
			for _, v := range x[channel*plane : (channel+1)*plane] {
				mean += (float64(v)*scale - c.Preprocess.Mean[channel]) / c.Preprocess.Std[channel] / float64(plane)
			}
			logits[k] += mean * float64(classifier.Weight(position(c, channel), k))
		}
		sum += math.Exp(logits[k])
	}
	g := linearGradient{loss: math.Log(sum) - logits[label]}
	for channel := range g.dx {
		for k := range logits {
			p := math.Exp(logits[k]) / sum
			if k == label {
				p--
			}
			g.dx[channel] += p * float64(classifier.Weight(position(c, channel), k)) * scale / c.Preprocess.Std[channel] / float64(plane)
		}
	}
	return g
}

func position(c stages.OnnxConfig, channel int) int {
	if c.Input.Color == "BGR" {
		return 2 - channel
	}
	return channel
}

// TestDifferentiatorWithoutGradient: the error names the operator, and the
// forward pass is there all the same.
func TestDifferentiatorWithoutGradient(t *testing.T) {
	m := onnxtest.Classifier{Classes: 7}.Model()
	last := &m.Graph.Nodes[len(m.Graph.Nodes)-1]
	inner := last.Out[0] + "_inner"
	out := last.Out[0]
	last.Out[0] = inner
	m.Graph.Nodes = append(m.Graph.Nodes, onnxtest.Node{Op: "Hardmax", In: []string{inner}, Out: []string{out}})
	c := plainConfig()
	c.Output = "probabilities"
	c.Path = m.Write(t, "m.onnx")
	model, err := open(t, c)
	check(t, err)
	_, err = model.Differentiator(context.Background(), true)
	if !errors.Is(err, pipeline.ErrNoGradient) || !strings.Contains(err.Error(), "Hardmax") || !strings.Contains(err.Error(), filepath.Base(c.Path)) {
		t.Errorf("got %v", err)
	}
	d, err := model.Differentiator(context.Background(), false)
	check(t, err)
	h, w := d.Size()
	check(t, d.Logits(context.Background(), make([]float32, 3*h*w*d.Batch()), make([]float32, 7*d.Batch())))
	check(t, d.Close())
}

// rootsOfPositives is a classifier whose logits are square roots, those of negative
// numbers 0: there the gradient is 0 times infinity.
func rootsOfPositives(t *testing.T) *stages.Onnx {
	t.Helper()
	m := onnxtest.Classifier{Classes: 2}.Model()
	last := &m.Graph.Nodes[len(m.Graph.Nodes)-1]
	out := last.Out[0]
	last.Out[0] = out + "_inner"
	m.Graph.Nodes = append(m.Graph.Nodes,
		onnxtest.Node{Op: "Relu", In: []string{last.Out[0]}, Out: []string{"positive"}},
		onnxtest.Node{Op: "Sqrt", In: []string{"positive"}, Out: []string{out}})
	c := plainConfig()
	c.Path = m.Write(t, "roots.onnx")
	model, err := open(t, c)
	check(t, err)
	return model
}

// One image whose gradient is NaN is classified as it is, and marked; the one
// beside it is attacked as if it were alone.
func TestAnImageWithoutGradientIsRecorded(t *testing.T) {
	model := rootsOfPositives(t)
	grey, black := colour("grey.png", 8, 102, 128, 153), colour("black.png", 8, 0, 0, 0)
	grey.Label, black.Label = 0, 0
	for _, name := range []string{"fgsm", "pgd", "apgd", "pgd_l2"} {
		entry, err := stages.Stages.Lookup(name)
		check(t, err)
		stage, err := entry.New(func(any) error { return nil })
		check(t, err)
		attack := stage.(pipeline.Attack)
		made, err := attack.AttackModel(t.Context(), model, []pipeline.Sample{grey, black})
		check(t, err)
		alone, err := attack.AttackModel(t.Context(), model, []pipeline.Sample{grey})
		check(t, err)
		if !slices.Equal(made[0].Exact.Pix, alone[0].Exact.Pix) || made[0].Attacked.Linf == 0 || made[0].Attacked.ZeroGradient {
			t.Errorf("%s: the sound image is changed by %+v, and differs from the one that is attacked alone", name, made[0].Attacked)
		}
		if !made[1].Attacked.ZeroGradient || name == "fgsm" && made[1].Attacked.Linf != 0 {
			t.Errorf("%s: the image without a gradient is changed by %+v", name, made[1].Attacked)
		}
		infer(t, model, made, false)
	}
}

// A gradient that is never finite is none: all images would seem robust.
func TestAGradientThatIsNeverFiniteIsRefused(t *testing.T) {
	m := onnxtest.Classifier{Classes: 2}.Model()
	last := &m.Graph.Nodes[len(m.Graph.Nodes)-1]
	out := last.Out[0]
	last.Out[0] = out + "_inner"
	// The root of what is 0 for every image; the logits stay as they are.
	m.Graph.Nodes = append(m.Graph.Nodes,
		onnxtest.Node{Op: "Sub", In: []string{last.Out[0], last.Out[0]}, Out: []string{"zero"}},
		onnxtest.Node{Op: "Sqrt", In: []string{"zero"}, Out: []string{"root"}},
		onnxtest.Node{Op: "Add", In: []string{last.Out[0], "root"}, Out: []string{out}})
	c := plainConfig()
	c.Path = m.Write(t, "m.onnx")
	model, err := open(t, c)
	check(t, err)
	_, err = model.Differentiator(t.Context(), true)
	if !errors.Is(err, pipeline.ErrNoGradient) || !strings.Contains(err.Error(), "for plain test images") {
		t.Errorf("got %v", err)
	}
	d, err := model.Differentiator(t.Context(), false)
	check(t, err)
	check(t, d.Close())
}
