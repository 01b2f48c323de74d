package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"quba/pipeline"
	"quba/pipeline/config"
)

func TestExitCode(t *testing.T) {
	fault := func(cause error) error {
		return fmt.Errorf("reading: %w", &fs.PathError{Op: "read", Path: "x", Err: cause})
	}
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, exitOK},
		{"unknown", errors.New("odd"), exitInternal},
		{"usage", usagef("wrong"), exitUsage},
		{"config", config.Issues{{Message: "wrong"}}, exitUsage},
		{"data", dataError(errors.New("bad table")), exitData},
		{"data of a run", &pipeline.DataError{Err: errors.New("no images")}, exitData},
		{"no such file", dataError(fault(syscall.ENOENT)), exitData},
		{"too many files", dataError(fault(syscall.EMFILE)), exitRetryable},
		{"broken disk", dataError(errors.Join(errors.New("bad table"), fault(syscall.EIO))), exitRetryable},
		{"full disk in a run", &pipeline.DataError{Err: fault(syscall.ENOSPC)}, exitRetryable},
		{"weights on a broken disk", usagef("--weights: %w", fault(syscall.EIO)), exitRetryable},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := exitCode(c.err); got != c.want {
				t.Errorf("exit code %d, want %d", got, c.want)
			}
		})
	}
}

func TestReportPrefixesEveryLine(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	a.report(dataError(errors.Join(errors.New("first\nof two lines\n"), errors.New("second"))))
	if got, want := stderr.String(), "pipeline: first\npipeline: of two lines\npipeline: second\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNarrationIndentsFurtherLines(t *testing.T) {
	var stderr bytes.Buffer
	logger(&stderr, "info").Error("model is left out", "error", errors.New("first\nsecond\n"), "model", "a")
	if got, want := stderr.String(), "error: model is left out model=a: first\n  second\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOutcome(t *testing.T) {
	result := pipeline.Result{Out: "out", Failed: []pipeline.FailedModel{{Name: "a"}, {Name: "b"}}, Problems: []string{"accuracy of c: no labels"}}
	err := outcome(result, 5)
	if code := exitCode(err); code != exitData {
		t.Errorf("exit code %d, want %d", code, exitData)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "2 of 5 models are left out: a, b; the reasons are above and in out") || lines[1] != result.Problems[0] {
		t.Errorf("got %q", lines)
	}
	if err := outcome(pipeline.Result{}, 5); err != nil {
		t.Errorf("a run without faults: %v", err)
	}
}

func TestNarrateEndOfRun(t *testing.T) {
	var stderr bytes.Buffer
	narrate(&stderr, pipeline.Result{Out: "out", Images: 3, Interrupted: true, Kept: true, Elapsed: 1, CPU: pipeline.CPUTime{Process: 2}}, 10)
	text := stderr.String()
	for part, want := range map[string]bool{
		"interrupted after 3 of 10 images; the same command goes on from here\n": true,
		"out keeps the complete result that it had\n":                            true,
		"results are in": false,
		"processor time 2.0 s: read 0.0 %, decode 0.0 %,": runtime.GOOS == "linux",
	} {
		if strings.Contains(text, part) != want {
			t.Errorf("%q in narration: want %v\n%s", part, want, text)
		}
	}
}

func TestSomeOf(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"a", "b", "c"}, "a, b, c"},
		{[]string{"a", "b", "c", "d", "e"}, "a, b, c and 2 more"},
	} {
		if got := someOf(c.names, 3); got != c.want {
			t.Errorf("%v: got %q, want %q", c.names, got, c.want)
		}
	}
}

func TestResultThatCannotBeRanked(t *testing.T) {
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr, format: "table"}
	if err := a.printResult(pipeline.Result{Out: t.TempDir()}); err != nil {
		t.Errorf("the run gets an error: %v", err)
	}
	if !strings.HasPrefix(stderr.String(), "note: the models are not ranked: ") || stdout.Len() > 0 {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
}
