package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/reugn/go-streams/flow"
)

// This file is the only one that knows go-streams. The library moves elements
// from goroutine to goroutine over unbuffered channels, and no more: it has
// no errors, no context and no recover, and its parallel operators reorder.
// Here every operator runs with parallelism 1, parallel work travels as
// futures, which keep the order, and the graph is always drained to its end,
// so that no goroutine is left behind.

// group is one running graph: the first error of any operator cancels it.
type group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// newGroup makes the group of a graph. Its work stops at the first error, or
// when ctx ends.
func newGroup(ctx context.Context) *group {
	ctx, cancel := context.WithCancelCause(ctx)
	return &group{ctx: ctx, cancel: cancel}
}

// fail cancels the graph; only the first error counts.
func (g *group) fail(err error) { g.cancel(err) }

// err is the error that the graph was cancelled with, or nil.
func (g *group) err() error { return context.Cause(g.ctx) }

// guard calls f and makes its error, or its panic, the group's, with the name
// of the component. It reports whether f succeeded.
func (g *group) guard(name string, f func() error) (ok bool) {
	err := safely(name, f)
	var fault *PanicError
	if err != nil && !errors.As(err, &fault) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if err != nil {
		g.fail(err)
	}
	return err == nil
}

// stream is a typed, ordered and bounded sequence on its way through a group.
type stream[T any] struct {
	g   *group
	out streams.Outlet
}

// from starts a stream with the values of seq. It ends early when the graph
// fails, and when stop is done; what was read before stop still flows.
func from[T any](g *group, stop context.Context, name string, seq iter.Seq2[T, error]) stream[T] {
	in := make(chan any)
	go func() {
		defer close(in)
		g.guard(name, func() error {
			for v, err := range seq {
				if err != nil {
					if stop.Err() != nil {
						return nil
					}
					return err
				}
				select {
				case in <- v:
				case <-g.ctx.Done():
					return nil
				case <-stop.Done():
					return nil
				}
			}
			return nil
		})
	}()
	return stream[T]{g: g, out: extension.NewChanSource(in)}
}

// flatMap applies f to every element, up to workers at once, and gives the
// results in the order of the elements. At most ahead elements wait for their
// turn, and one in each link of the graph.
func flatMap[T, R any](s stream[T], name string, workers, ahead int, f func(context.Context, T) ([]R, error)) stream[R] {
	return flatMapUntil(s, context.Background(), name, workers, ahead, f)
}

// flatMapUntil is a flatMap that drops every element that no worker has begun
// when stop is done. Elements begin in their order, so that the results are
// those of the first elements, without a gap.
func flatMapUntil[T, R any](s stream[T], stop context.Context, name string, workers, ahead int, f func(context.Context, T) ([]R, error)) stream[R] {
	g := s.g
	tasks := make(chan func())
	for range workers {
		go func() {
			for task := range tasks {
				task()
			}
		}()
	}
	start := flow.NewMap(func(v T) chan []R {
		done := make(chan []R, 1)
		if g.ctx.Err() != nil || stop.Err() != nil {
			close(done)
			return done
		}
		task := func() {
			defer close(done)
			g.guard(name, func() error {
				results, err := f(g.ctx, v)
				if err == nil {
					done <- results
				}
				return err
			})
		}
		select {
		case tasks <- task:
		case <-stop.Done():
			close(done)
		}
		return done
	}, 1)
	await := flow.NewFlatMap(func(done chan []R) []R { return <-done }, 1)
	return stream[R]{g: g, out: via(s.out, start, newBuffer(ahead), newEnd(func() { close(tasks) }), await)}
}

// buffered lets up to size elements wait for what comes next.
func buffered[T any](s stream[T], size int) stream[T] {
	return stream[T]{g: s.g, out: via(s.out, newBuffer(size))}
}

// scan runs step over the elements one by one, and flush after the last. It
// is for operators with a state.
func scan[T, R any](s stream[T], name string, step func(T) ([]R, error), flush func() ([]R, error)) stream[R] {
	g := s.g
	type ending struct{}
	run := func(f func() ([]R, error)) (results []R) {
		if g.ctx.Err() != nil {
			return nil
		}
		g.guard(name, func() (err error) {
			results, err = f()
			return err
		})
		return results
	}
	operator := flow.NewFlatMap(func(v any) []R {
		if _, last := v.(ending); last {
			return run(flush)
		}
		return run(func() ([]R, error) { return step(v.(T)) })
	}, 1)
	return stream[R]{g: g, out: via(s.out, newTail(ending{}), operator)}
}

// drain takes the elements one by one in the calling goroutine. After a
// failure the rest is thrown away. It returns the group's error.
func drain[T any](s stream[T], name string, f func(T) error) error {
	sink := extension.NewChanSink(make(chan any))
	go transmit(s.out, sink)
	for v := range sink.Out {
		if s.g.ctx.Err() != nil {
			continue
		}
		s.g.guard(name, func() error { return f(v.(T)) })
	}
	return s.g.err()
}

func via(out streams.Outlet, flows ...streams.Flow) streams.Outlet {
	for _, next := range flows {
		go transmit(out, next)
		out = next
	}
	return out
}

func transmit(out streams.Outlet, in streams.Inlet) {
	for v := range out.Out() {
		in.In() <- v
	}
	close(in.In())
}

// relay is a flow that passes its elements on: with room for some of them, or
// with one more at the end.
type relay struct {
	in, out chan any
}

func (r *relay) In() chan<- any  { return r.in }
func (r *relay) Out() <-chan any { return r.out }

// Via makes relay a streams.Flow.
func (r *relay) Via(next streams.Flow) streams.Flow {
	go transmit(r, next)
	return next
}

// To makes relay a streams.Flow.
func (r *relay) To(sink streams.Sink) {
	transmit(r, sink)
	sink.AwaitCompletion()
}

var _ streams.Flow = (*relay)(nil)

func newBuffer(size int) *relay {
	room := make(chan any, size)
	return &relay{in: room, out: room}
}

func newTail(last any) *relay {
	return newRelay(func(out chan<- any) { out <- last })
}

// newEnd calls f when the last element has passed.
func newEnd(f func()) *relay {
	return newRelay(func(chan<- any) { f() })
}

func newRelay(end func(out chan<- any)) *relay {
	r := &relay{in: make(chan any), out: make(chan any)}
	go func() {
		defer close(r.out)
		for v := range r.in {
			r.out <- v
		}
		end(r.out)
	}()
	return r
}
