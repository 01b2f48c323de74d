package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"quba/internal/ort"
)

// killed TIMES BYTES OUT PROGRAM ARG... runs a program so many times and kills it
// each time, when the journal in the result folder OUT has grown by so many bytes,
// or by up to half of them less. On a busy machine it grows on until the kill:
// where all of that comes near to a whole journal, the program may end before.
func killed(ts *testscript.TestScript, _ bool, args []string) {
	times, err := strconv.Atoi(args[0])
	ts.Check(err)
	bytes, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	journal := filepath.Join(ts.MkAbs(args[2]), ".partial", "journal")
	program, err := exec.LookPath(args[3])
	ts.Check(err)
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range times {
		cmd := exec.Command(program, args[4:]...)
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = append(os.Environ(), ort.LibraryVariable+"="+ts.Getenv(ort.LibraryVariable))
		killWhen(ts, cmd, journal, sizeOf(journal)+bytes-random.Int64N(bytes/2))
	}
}

// killWhen ends a program when a file is longer than said. It must not end
// before.
func killWhen(ts *testscript.TestScript, cmd *exec.Cmd, file string, size int64) {
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for late := time.After(time.Minute); ; {
		select {
		case err := <-ended:
			ts.Fatalf("the program ended before its journal had %d bytes: %v", size, err)
		case <-late:
			_ = cmd.Process.Kill()
			ts.Fatalf("after a minute the journal has %d bytes, want %d", sizeOf(file), size)
		case <-time.After(time.Millisecond):
		}
		if sizeOf(file) > size {
			ts.Check(cmd.Process.Kill())
			<-ended
			return
		}
	}
}

// sizeOf is 0 for a file that is not there.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
