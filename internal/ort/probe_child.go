package ort

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"

	"quba/internal/onnxfile"
)

// ProbeMain does the child's half of Probe when this process is such a child,
// and says so; the caller then returns. It must come first in the main of
// every program that calls Probe, and in TestMain of its tests.
func ProbeMain() bool {
	if os.Getenv(childVariable) == "" {
		return false
	}
	r := reply{}
	if err := answer(os.Stdin, &r.Result); err != nil {
		r.Error = err.Error()
		_ = errors.As(err, &r.Errno) // 0 when there is none
	}
	// A parent that cannot be written to is gone: nobody is left to tell.
	_ = json.NewEncoder(os.Stdout).Encode(r)
	return true
}

func answer(question io.Reader, result *ProbeResult) error {
	var spec ProbeSpec
	err := json.NewDecoder(question).Decode(&spec)
	if err != nil {
		return err
	}
	*result, err = probe(spec)
	return err
}

func probe(spec ProbeSpec) (ProbeResult, error) {
	if _, _, err := Initialize(spec.Library); err != nil {
		return ProbeResult{}, err
	}
	if err := limitMemory(spec.MemoryBytes); err != nil {
		return ProbeResult{}, fmt.Errorf("limiting memory: %w", err)
	}
	session, err := Open(spec.Model, spec.Options)
	if err != nil {
		return ProbeResult{}, err
	}
	defer session.Close()
	values, shape, err := session.try(spec)
	if err != nil {
		return ProbeResult{}, err
	}
	return summarise(values, shape)
}

// try runs the model on the probe's images.
func (s *Session) try(spec ProbeSpec) (values []float32, shape []int64, err error) {
	tensors := make([]Tensor, len(spec.Inputs))
	for i, in := range spec.Inputs {
		tensors[i] = in.Tensor
	}
	if spec.Output.Shape == nil {
		inputs, err := s.newInputs(tensors)
		if err != nil {
			return nil, nil, err
		}
		defer inputs.destroy()
		fillProbe(inputs, spec)
		return s.runAllocating(context.Background(), inputs)
	}
	runner, err := s.NewRunner(tensors, spec.Output)
	if err != nil {
		return nil, nil, err
	}
	defer runner.Close()
	fillProbe(runner.inputs, spec)
	err = runner.Run(context.Background())
	return append([]float32(nil), runner.Output()...), spec.Output.Shape, err
}

func fillProbe(dst buffers, spec ProbeSpec) {
	random := rand.New(rand.NewPCG(1, 2))
	for i, in := range spec.Inputs {
		in.fill(dst[i].Elements, random)
	}
}

// fill writes one image after the other: gray, noise and a gradient in turn,
// of different strengths.
func (in ProbeInput) fill(dst Elements, random *rand.Rand) {
	size := int(in.Shape[1] * in.Shape[2] * in.Shape[3])
	plane := size / 3
	for i := range in.Len() {
		row, at := i/size, i%size
		channel, position := at/plane, at%plane
		if in.ChannelsLast {
			channel, position = at%3, at/3
		}
		v := probePixel(row, float32(position)/float32(plane), random)
		dst.set(i, in.Low[channel]+(in.High[channel]-in.Low[channel])*v)
	}
}

// probePixel is a value in [0, 1] for a pixel at a relative position.
func probePixel(row int, position float32, random *rand.Rand) float32 {
	strength := 1 / float32(1+row/3)
	switch row % 3 {
	case 0:
		return 0.5 * strength
	case 1:
		return random.Float32() * strength
	}
	return position * strength
}

func (e Elements) set(i int, v float32) {
	switch {
	case e.Float32 != nil:
		e.Float32[i] = v
	case e.Float16 != nil:
		e.Float16[i] = onnxfile.HalfFromFloat32(v)
	default:
		e.Uint8[i] = uint8(min(max(v, 0), 255))
	}
}

func summarise(values []float32, shape []int64) (ProbeResult, error) {
	if len(shape) == 0 || shape[0] <= 0 || len(values) == 0 {
		return ProbeResult{}, errors.New("the output is empty")
	}
	r := ProbeResult{Shape: shape, Finite: true, Min: math.Inf(1), Max: math.Inf(-1)}
	size := len(values) / int(shape[0])
	for row := 0; row+size <= len(values); row += size {
		sum := 0.0
		for _, v := range values[row : row+size] {
			r.Min, r.Max, sum = min(r.Min, float64(v)), max(r.Max, float64(v)), sum+float64(v)
		}
		r.SumError = max(r.SumError, math.Abs(sum-1))
	}
	// JSON has no word for NaN; min, max and the sum carry it to here.
	if math.IsNaN(r.SumError) || math.IsInf(r.SumError, 0) {
		return ProbeResult{Shape: shape}, nil
	}
	return r, nil
}
