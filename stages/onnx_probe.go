package stages

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"quba/internal/modelcard"
	"quba/internal/onnxfile"
	"quba/internal/ort"
)

const (
	// probeThreads bounds the threads of the trial run.
	probeThreads = 4
	// probeRows is the number of its images where the graph leaves it free.
	probeRows = 4
)

func (d *onnxModel) probeSpec(library string, limits OnnxProbe) (ort.ProbeSpec, error) {
	output, err := d.probeOutput()
	if err != nil {
		return ort.ProbeSpec{}, err
	}
	spec := ort.ProbeSpec{
		Library: library, Model: d.file.Path, Options: d.options(min(runtime.NumCPU(), probeThreads)),
		Inputs: []ort.ProbeInput{d.probeInput()}, Output: output,
		MemoryBytes: uint64(limits.MemoryMB) << 20, Timeout: limits.Timeout,
	}
	return spec, nil
}

func (d *onnxModel) probeInput() ort.ProbeInput {
	in := ort.ProbeInput{Tensor: d.input(d.probeRows()), ChannelsLast: d.card.Layout.Value == modelcard.NHWC}
	for channel := range 3 {
		table := d.normalise(channel)
		at := d.position(channel)
		in.Low[at], in.High[at] = table[0], table[255]
	}
	return in
}

// tryModel probes a model; with remember only if no trial of it is remembered.
func tryModel(ctx context.Context, spec ort.ProbeSpec, remember bool, file *onnxfile.File, external []onnxfile.ExternalHash) (ort.ProbeResult, error) {
	if !remember {
		return ort.Probe(ctx, spec)
	}
	content := []string{file.SHA256}
	for _, e := range external {
		content = append(content, e.Location, e.SHA256)
	}
	return ort.Remembered(ctx, spec, content)
}

func (d *onnxModel) probeRows() int {
	if d.card.Batch.Known() {
		return d.rows
	}
	return min(d.rows, probeRows)
}

// input is the layout of the input of one run on so many images.
func (d *onnxModel) input(rows int) ort.Tensor {
	size := d.card.ImageSize()
	n, h, w := int64(rows), int64(size.H), int64(size.W)
	shape := []int64{n, 3, h, w}
	if d.card.Layout.Value == modelcard.NHWC {
		shape = []int64{n, h, w, 3}
	}
	return ort.Tensor{Type: d.card.InputType.Value, Shape: shape}
}

// probeOutput leaves the shape of float32 outputs to the probe; float16 ones
// must be known before.
func (d *onnxModel) probeOutput() (ort.Tensor, error) {
	output := ort.Tensor{Type: d.card.OutputType.Value}
	if output.Type != onnxfile.Float16 {
		return output, nil
	}
	if !d.card.Classes.Known() {
		return output, fmt.Errorf("%s: the graph must state how many classes its float16 output has; write classes into the side-car", d.file.Path)
	}
	output.Shape = []int64{int64(d.probeRows()), int64(d.card.Classes.Value)}
	value, _ := d.file.Output(d.card.OutputName.Value)
	for range max(len(value.Dims)-2, 0) {
		output.Shape = append(output.Shape, 1)
	}
	return output, nil
}

// accept holds the probe's result against what is declared, and keeps what
// only it could tell.
func (d *onnxModel) accept(result ort.ProbeResult) error {
	classes, err := d.outputClasses(result.Shape)
	if err != nil {
		return err
	}
	if !result.Finite {
		return errors.New("gives NaN or infinite outputs for plain test images; check preprocess.scale, mean and std")
	}
	if d.card.Classes.Known() && d.card.Classes.Value != classes {
		return fmt.Errorf("gives %d classes, %s says %d", classes, d.card.Classes.Origin, d.card.Classes.Value)
	}
	if err := modelcard.CheckClasses(d.card.ClassOrder, classes); err != nil {
		return err
	}
	if err := d.acceptKind(result); err != nil {
		return err
	}
	if !d.card.Classes.Known() {
		d.card.Classes = modelcard.From(classes, "probe")
	}
	d.info.Classes = d.classes(classes)
	d.output = ort.Tensor{Type: d.card.OutputType.Value, Shape: result.Shape}
	d.output.Shape[0] = int64(d.rows)
	d.tell()
	return nil
}

// outputClasses reads [rows, classes] and [rows, classes, 1, 1].
func (d *onnxModel) outputClasses(shape []int64) (int, error) {
	if len(shape) < 2 || shape[0] != int64(d.probeRows()) {
		return 0, fmt.Errorf("the output must have a row for each of %d images, its shape is %v", d.probeRows(), shape)
	}
	for _, n := range shape[2:] {
		if n != 1 {
			return 0, fmt.Errorf("the output must have the shape [images, classes], has %v; is it a classifier?", shape)
		}
	}
	return int(shape[1]), nil
}

// acceptKind refuses a declaration that the outputs contradict: softmax would
// be done twice, or not at all.
func (d *onnxModel) acceptKind(result ort.ProbeResult) error {
	found := modelcard.Logits
	if result.Probabilities() {
		found = modelcard.Probabilities
	}
	switch declared := d.card.Output; declared.Value {
	case modelcard.Auto:
		d.card.Output = modelcard.From(found, "probe")
		return nil
	case found:
		return nil
	case modelcard.Logits:
		return fmt.Errorf("%s says that the outputs are logits, but they are probabilities: every row of the probe is within [0, 1] and sums to 1; set output to probabilities or auto", declared.Origin)
	default:
		return fmt.Errorf("%s says that the outputs are probabilities, but those of the probe range from %.4g to %.4g and miss the sum 1 by up to %.3g; set output to logits or auto", declared.Origin, result.Min, result.Max, result.SumError)
	}
}
