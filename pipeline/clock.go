package pipeline

import (
	"runtime"
	"sync/atomic"
	"time"
)

// clock adds up the processor time of the kinds of work, over all goroutines,
// in nanoseconds.
type clock struct {
	read, decode, stages, transform, attack, infer, sinks atomic.Int64
}

// timed adds the processor time until stop is called to total. The goroutine
// stays on its thread meanwhile, so that the thread's time is its own.
func timed(total *atomic.Int64) (stop func()) {
	runtime.LockOSThread()
	since := threadTime()
	return func() {
		total.Add(int64(threadTime() - since))
		runtime.UnlockOSThread()
	}
}

// CPUTime is where a run's processor time went, in seconds. Stages and
// inference count the thread that called them, not threads of their own.
type CPUTime struct {
	Read      float64 `json:"read_s"`
	Decode    float64 `json:"decode_s"`
	Stages    float64 `json:"stages_s"`
	Transform float64 `json:"transform_s"`
	Attack    float64 `json:"attack_s"`
	Infer     float64 `json:"infer_s"`
	Sinks     float64 `json:"sinks_s"`
	Process   float64 `json:"process_s"` // everything, the above included
}

func (c *clock) cpuTime() CPUTime {
	seconds := func(n *atomic.Int64) float64 { return time.Duration(n.Load()).Seconds() }
	return CPUTime{
		Read: seconds(&c.read), Decode: seconds(&c.decode), Stages: seconds(&c.stages),
		Transform: seconds(&c.transform), Attack: seconds(&c.attack), Infer: seconds(&c.infer), Sinks: seconds(&c.sinks),
		Process: processTime().Seconds(),
	}
}
