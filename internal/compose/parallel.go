package compose

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"quba/pipeline"
)

// inParallel does n pieces of work, some at once, and calls done from this
// goroutine after each. The first error ends it; a panic is an error.
func inParallel(ctx context.Context, workers, n int, work func(ctx context.Context, i int) error, done func(finished, total int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	finished := make(chan struct{})
	for range min(workers, n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := safely(func() error { return work(ctx, i) }); err != nil {
					cancel(err)
					return
				}
				finished <- struct{}{}
			}
		})
	}
	go func() {
		wg.Wait()
		close(finished)
	}()
	count := 0
	for range finished {
		count++
		done(count, n)
	}
	return context.Cause(ctx)
}

func safely(work func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &pipeline.PanicError{Component: "compose", Cause: cause, Stack: debug.Stack()}
		}
	}()
	return work()
}
