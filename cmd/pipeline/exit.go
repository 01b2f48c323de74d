package main

import (
	"errors"
	"fmt"
	"strings"

	"quba/pipeline"
	"quba/pipeline/config"
)

// Exit codes; docs/EXIT_CODES.md explains them.
const (
	exitOK          = 0
	exitInternal    = 1
	exitUsage       = 2
	exitData        = 3
	exitBadSamples  = 4
	exitRetryable   = 75
	exitInterrupted = 130
	exitPipe        = 141 // what a shell shows for a program whose reader is gone
	exitTerminated  = 143
)

// codedError is an error that knows its exit code.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

func dataError(err error) error { return &codedError{exitData, err} }

// exitCode is the code for an error that is not an interruption. The machine's
// faults come first: they are nobody's mistake, whoever met them.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	var coded *codedError
	var issues config.Issues
	var usage *pipeline.UsageError
	var data *pipeline.DataError
	switch {
	case pipeline.MachineFault(err):
		return exitRetryable
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &issues), errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &data):
		return exitData
	}
	return exitInternal
}

// report narrates an error on stderr, every line of it as the program's.
func (a *app) report(err error) {
	if err == nil {
		return
	}
	var issues config.Issues
	if errors.As(err, &issues) {
		fmt.Fprintln(a.stderr, strings.TrimRight(issues.Error(), "\n"))
		return
	}
	for line := range strings.Lines(printable(strings.ReplaceAll(err.Error(), "\r\n", "\n"))) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			fmt.Fprintln(a.stderr, "pipeline: "+line)
		}
	}
	var fault *pipeline.PanicError
	if errors.As(err, &fault) {
		fmt.Fprintln(a.stderr, "pipeline: this is a fault of the program; run with --log-level debug for its trace and report it with the output of `pipeline doctor`")
		if a.logLevel == "debug" {
			fmt.Fprintf(a.stderr, "%s\n", fault.Stack)
		}
	}
}
