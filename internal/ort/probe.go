package ort

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// childVariable marks the process that probes.
const childVariable = "PIPELINE_PROBE_CHILD"

// ProbeSpec says what to try a model with.
type ProbeSpec struct {
	Library string // as for Initialize; the path that it returned is best
	Model   string
	Options Options
	// Inputs are those of Options.Inputs, in the same order.
	Inputs []ProbeInput
	// Output may have a nil Shape when it is float32: onnxruntime then tells.
	Output Tensor
	// MemoryBytes bounds what the child may allocate for the model, on Linux.
	MemoryBytes uint64
	Timeout     time.Duration
}

// ProbeInput is an input that takes images.
type ProbeInput struct {
	Tensor
	// Low and High are what pixel values 0 and 255 of each channel become.
	Low, High [3]float32
	// ChannelsLast tells NHWC from NCHW.
	ChannelsLast bool
}

// ProbeResult is what a model did with the probe's images.
type ProbeResult struct {
	Shape []int64 // of the output, the batch first
	// Finite says that no output was NaN or infinite.
	Finite bool
	// Min and Max are over all outputs; SumError is the largest |sum - 1| of
	// a row. All are 0 when the outputs are not finite.
	Min, Max, SumError float64
}

// Probabilities says whether every row lies in [0, 1] and sums to 1 within
// 1e-3.
func (r ProbeResult) Probabilities() bool {
	return r.Finite && r.Min >= 0 && r.Max <= 1 && r.SumError < 1e-3
}

// ProbeFault says how a probe failed.
type ProbeFault string

const (
	Refused     ProbeFault = "it cannot be used"
	Crashed     ProbeFault = "it crashes onnxruntime"
	OutOfMemory ProbeFault = "it needs more memory than it may have"
	TimedOut    ProbeFault = "it takes more time than it may"
)

// ProbeError is the error of a model that must not be used.
type ProbeError struct {
	Model  string
	Fault  ProbeFault
	Detail string
}

func (e *ProbeError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Model, e.Fault, e.Detail)
}

// Probe runs the model once in a child process with bounded memory and time,
// so that a model that crashes, swells or never ends cannot harm this one.
// The child is this executable again: its main must call ProbeMain first.
//
// The error is a *ProbeError when the model is at fault. A fault of the machine
// wraps its syscall.Errno.
func Probe(ctx context.Context, spec ProbeSpec) (ProbeResult, error) {
	if os.Getenv(childVariable) != "" {
		return ProbeResult{}, errors.New("ort: this process is a probe's child, but its main did not call ProbeMain")
	}
	executable, err := os.Executable()
	if err != nil {
		return ProbeResult{}, err
	}
	// The child must find the file whatever its working directory is.
	if spec.Model, err = filepath.Abs(spec.Model); err != nil {
		return ProbeResult{}, err
	}
	question, err := json.Marshal(spec)
	if err != nil {
		return ProbeResult{}, err
	}
	limited, cancel := context.WithTimeout(ctx, spec.Timeout)
	defer cancel()
	var answer, complaints head
	child := exec.CommandContext(limited, executable)
	child.Env = append(os.Environ(), childVariable+"=1")
	child.Stdin, child.Stdout, child.Stderr = bytes.NewReader(question), &answer, &complaints
	child.WaitDelay = time.Second
	prepareChild(child)
	// The death signal of prepareChild is bound to the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = child.Run()
	if ctx.Err() != nil {
		return ProbeResult{}, ctx.Err()
	}
	if limited.Err() != nil {
		return ProbeResult{}, &ProbeError{spec.Model, TimedOut, fmt.Sprintf("stopped after %s", spec.Timeout)}
	}
	return judge(spec, answer.String(), complaints.String(), err)
}

// reply is what the child writes, as the last line of its output.
type reply struct {
	Result ProbeResult
	Error  string
	// Errno is the fault of the machine behind Error, 0 if there is none.
	Errno syscall.Errno
}

func judge(spec ProbeSpec, answer, complaints string, err error) (ProbeResult, error) {
	if err != nil {
		return ProbeResult{}, crash(spec, complaints, err)
	}
	lines := strings.Split(strings.TrimSpace(answer), "\n")
	var r reply
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		return ProbeResult{}, &ProbeError{spec.Model, Crashed, "it ended the process without an answer"}
	}
	if r.Error == "" {
		return r.Result, nil
	}
	if r.Errno != 0 {
		return ProbeResult{}, fmt.Errorf("%s: probe: %s: %w", spec.Model, r.Error, r.Errno)
	}
	return ProbeResult{}, spec.fault(Refused, r.Error)
}

// fault makes an error, of memory where the words say so.
func (spec ProbeSpec) fault(fault ProbeFault, detail string) error {
	if fault == OutOfMemory || outOfMemory(detail) {
		fault = OutOfMemory
		detail += fmt.Sprintf(" (limit %d MiB)", spec.MemoryBytes>>20)
	}
	return &ProbeError{spec.Model, fault, detail}
}

func crash(spec ProbeSpec, complaints string, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("probe: %w", err)
	}
	fault, detail := Crashed, exit.Error()
	if line := firstLine(complaints); line != "" {
		detail += ": " + line
	}
	if killed(exit) {
		fault = OutOfMemory
	}
	return spec.fault(fault, detail)
}

// outOfMemory recognises the words of onnxruntime, of C++ and of Go.
func outOfMemory(text string) bool {
	text = strings.ToLower(text)
	for _, sign := range []string{"bad_alloc", "failed to allocate memory", "out of memory", "cannot allocate memory", "bad allocation"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// head keeps the first part of what is written to it: a model must not fill
// the parent's memory with messages.
type head struct{ bytes.Buffer }

const headLimit = 64 << 10

func (h *head) Write(p []byte) (int, error) {
	if room := headLimit - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
