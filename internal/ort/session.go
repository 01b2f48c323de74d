package ort

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"quba/internal/onnxfile"
)

// Options says how a model is opened.
type Options struct {
	// Inputs names all inputs of the graph, in the order in which runners take
	// them.
	Inputs []string
	// Output names the one output that is used. The graph may have more.
	Output string
	// Threads is how many threads share one run; 0 is 1. With 1, runs from
	// several goroutines go side by side, each on its own core.
	Threads int
}

// Session is a loaded model. It is safe for concurrent use.
type Session struct {
	session *onnxruntime.DynamicAdvancedSession
	inputs  []string
}

// Open loads a model. Initialize must have been called. A model from a
// stranger must have been probed before: loading runs code of the graph.
func Open(path string, o Options) (*Session, error) {
	options, err := sessionOptions(max(o.Threads, 1))
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	session, err := onnxruntime.NewDynamicAdvancedSession(path, o.Inputs, []string{o.Output}, options)
	if err != nil {
		return nil, refusal(path, err)
	}
	return &Session{session: session, inputs: o.Inputs}, nil
}

// refusal tells a fault of the machine from one of the model: onnxruntime has
// the same words for both, but not being able to open the file is none of the
// model's.
func refusal(path string, err error) error {
	file, fault := os.Open(path)
	if fault != nil {
		return fmt.Errorf("onnxruntime cannot read the model: %w", fault)
	}
	return errors.Join(fmt.Errorf("onnxruntime refuses the model: %s", reason(err)), file.Close())
}

// sessionOptions turns spinning off: idle threads that spin take the core
// from the goroutines that decode.
func sessionOptions(threads int) (*onnxruntime.SessionOptions, error) {
	o, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		o.SetIntraOpNumThreads(threads),
		o.SetInterOpNumThreads(1),
		o.SetExecutionMode(onnxruntime.ExecutionModeSequential),
		o.SetLogSeverityLevel(onnxruntime.LoggingLevelFatal),
		o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		o.AddSessionConfigEntry("session.inter_op.allow_spinning", "0"),
	)
	if err != nil {
		return nil, errors.Join(err, o.Destroy())
	}
	return o, nil
}

// reason is onnxruntime's own message without the wrapper's preface.
func reason(err error) string {
	text := err.Error()
	for _, preface := range []string{"Error creating C session from file: ", "Error creating C session: ", "Error running network: "} {
		text = strings.TrimPrefix(text, preface)
	}
	return text
}

// Close frees the model. Its runners must be closed before.
func (s *Session) Close() error { return s.session.Destroy() }

// run computes output from inputs. A nil output is allocated by onnxruntime
// and must be destroyed by the caller.
func (s *Session) run(ctx context.Context, inputs []onnxruntime.Value, output *onnxruntime.Value, options *onnxruntime.RunOptions) error {
	outputs := []onnxruntime.Value{*output}
	err := run(ctx, s.session, inputs, outputs, options)
	*output = outputs[0]
	return err
}

// run computes outputs from inputs, and ends early when ctx is done. Outputs
// that are nil are allocated by onnxruntime; the caller destroys them.
func run(ctx context.Context, session *onnxruntime.DynamicAdvancedSession, inputs, outputs []onnxruntime.Value, options *onnxruntime.RunOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		// The error of an option that exists already has no meaning here.
		_ = options.Terminate()
	})
	err := session.RunWithOptions(inputs, outputs, options)
	if !stop() {
		<-stopped
		if unset := options.UnsetTerminate(); unset != nil {
			return unset
		}
		if err != nil {
			return ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("onnxruntime: %s", reason(err))
	}
	return nil
}

// Tensor says how an input or output is laid out in memory.
type Tensor struct {
	Type  onnxfile.ElementType // Float32, Float16 or, for inputs, Uint8
	Shape []int64              // every dimension positive
}

// Len is the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= int(d)
	}
	return n
}
