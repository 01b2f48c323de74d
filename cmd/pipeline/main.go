// Command pipeline measures how well-behaved image classifiers are.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	"quba/internal/ort"
)

func main() {
	if ort.ProbeMain() {
		return
	}
	os.Exit(mainCode(os.Args[1:], os.Stdout, os.Stderr))
}

// mainCode runs the command and returns its exit code.
func mainCode(args []string, stdout, stderr io.Writer) int {
	collectOften()
	ctx, interrupted, stop := withSignals()
	defer stop()
	app := &app{stdout: stdout, stderr: stderr, interrupted: interrupted}
	root := app.command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	app.report(err)
	return app.exitCode(err)
}

// collectOften keeps the heap small unless GOGC says otherwise. Nearly all
// garbage is pictures, which cost the collector nothing to look through.
func collectOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}

// withSignals gives a context that ends at the first SIGINT or SIGTERM; a
// second one ends the process at once. interrupted is the exit code of the
// signal that came, or 0.
func withSignals() (ctx context.Context, interrupted *atomic.Int32, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	interrupted = &atomic.Int32{}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				code := int32(exitInterrupted)
				if s == syscall.SIGTERM {
					code = exitTerminated
				}
				if !interrupted.CompareAndSwap(0, code) {
					os.Exit(int(code))
				}
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, interrupted, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
