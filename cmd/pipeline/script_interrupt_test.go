package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"quba/internal/ort"
)

// fifo FILE makes a named pipe: who reads it waits until someone writes.
func fifo(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o666))
}

// interrupt SIGNAL MOMENT PROGRAM ARG... runs a program, sends it the signal at
// the moment, and checks that it ends with 128 + the signal's number. The
// moment is a named pipe that the program reads, or words that it prints. What
// it printed is then in the file "output".
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	signal := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[args[0]]
	program, err := exec.LookPath(args[2])
	ts.Check(err)
	cmd := exec.Command(program, args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), ort.LibraryVariable+"="+ts.Getenv(ort.LibraryVariable))
	output, err := os.Create(ts.MkAbs("output"))
	ts.Check(err)
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	ts.Check(cmd.Start())
	for range 6000 {
		if reads(ts.MkAbs(args[1])) || strings.Contains(ts.ReadFile("output"), args[1]) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Check(cmd.Process.Signal(signal))
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // it may have ended by then
	defer late.Stop()
	_ = cmd.Wait() // the exit code is looked at instead
	if code := cmd.ProcessState.ExitCode(); code != 128+int(signal) {
		ts.Fatalf("exit code %d, want %d:\n%s", code, 128+int(signal), ts.ReadFile("output"))
	}
}

// reads says whether a named pipe has a reader. The writing end stays open, so
// that the reader waits on.
func reads(path string) bool {
	_, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
	return err == nil
}
