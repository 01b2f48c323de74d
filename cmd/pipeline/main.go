// Command pipeline measures how well-behaved image classifiers are.
package main

import (
	"context"
	"io"
	"os"
	"runtime/debug"

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
	signals := catchSignals()
	defer signals.Stop()
	app := &app{stdout: stdout, stderr: stderr, signals: signals}
	root := app.command()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	app.report(err)
	if app.interrupted != exitOK {
		return app.interrupted
	}
	return exitCode(err)
}

// collectOften keeps the heap small unless GOGC says otherwise. Nearly all
// garbage is pictures, which cost the collector nothing to look through.
func collectOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(30)
	}
}
