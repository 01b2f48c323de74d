package ort

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestJudge holds the ends that a child can come to against their faults.
func TestJudge(t *testing.T) {
	tests := map[string]struct {
		script string // what the child does
		want   ProbeFault
	}{
		"segmentation fault":   {"kill -SEGV $$", Crashed},
		"arithmetic fault":     {"kill -FPE $$", Crashed},
		"abort":                {"echo terminate called >&2; kill -ABRT $$", Crashed},
		"abort for memory":     {"echo \"what():  std::bad_alloc\" >&2; kill -ABRT $$", OutOfMemory},
		"killed by the system": {"kill -KILL $$", OutOfMemory},
		"Go out of memory":     {"echo 'fatal error: runtime: cannot allocate memory' >&2; exit 2", OutOfMemory},
		"silence":              {"exit 0", Crashed},
		"chatter":              {"echo hello", Crashed},
		"refusal":              {`echo '{"Error": "no such operator"}'`, Refused},
		"allocation refused":   {`echo '{"Error": "Failed to allocate memory for requested buffer"}'`, OutOfMemory},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var answer, complaints head
			child := exec.CommandContext(context.Background(), "sh", "-c", test.script)
			child.Stdout, child.Stderr = &answer, &complaints
			err := child.Run()
			_, err = judge(ProbeSpec{Model: "m.onnx", MemoryBytes: 1 << 30}, answer.String(), complaints.String(), err)
			var fault *ProbeError
			if !errors.As(err, &fault) || fault.Fault != test.want || !strings.HasPrefix(err.Error(), "m.onnx: ") {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if (test.want == OutOfMemory) != strings.Contains(fault.Detail, "limit 1024 MiB") {
				t.Errorf("detail %q", fault.Detail)
			}
		})
	}
}

func TestJudgeTakesTheLastLine(t *testing.T) {
	got, err := judge(ProbeSpec{}, "a library says hello\n{\"Result\": {\"Finite\": true, \"Shape\": [4, 10]}}\n", "", nil)
	if err != nil || !got.Finite || len(got.Shape) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHeadIsBounded(t *testing.T) {
	var h head
	chunk := make([]byte, 1000)
	for range 1000 {
		if n, err := h.Write(chunk); n != len(chunk) || err != nil {
			t.Fatal(n, err)
		}
	}
	if h.Len() != headLimit {
		t.Errorf("kept %d bytes, want %d", h.Len(), headLimit)
	}
}

// TestFaultsOfTheMachineStayVisible takes the child's word for them, and the
// system's when there can be no child.
func TestFaultsOfTheMachineStayVisible(t *testing.T) {
	text, err := json.Marshal(reply{Error: "open m.onnx: too many open files", Errno: syscall.EMFILE})
	if err != nil {
		t.Fatal(err)
	}
	_, err = judge(ProbeSpec{Model: "m.onnx"}, string(text), "", nil)
	var fault *ProbeError
	if !errors.Is(err, syscall.EMFILE) || errors.As(err, &fault) {
		t.Errorf("got %v", err)
	}
	for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.ENOSPC} {
		_, err = judge(ProbeSpec{Model: "m.onnx"}, "", "", &os.PathError{Op: "fork/exec", Path: "/x", Err: errno})
		if !errors.Is(err, errno) || errors.As(err, &fault) {
			t.Errorf("got %v", err)
		}
	}
	if err := refusal(filepath.Join(t.TempDir(), "none.onnx"), errors.New("x")); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("got %v", err)
	}
}

func TestLoadReasonIsShort(t *testing.T) {
	err := errors.New(`Platform-specific initialization failed: Error loading ONNX shared library "/a/b.so": /a/b.so: cannot open shared object file: No such file or directory`)
	if got := loadReason("/a/b.so", err); got != "cannot open shared object file: No such file or directory" {
		t.Errorf("got %s", got)
	}
}

func TestSearchReportsEveryLibrary(t *testing.T) {
	_, _, err := search([]string{"/nowhere/a.so", "/nowhere/b.so"})
	if !errors.Is(err, ErrNoLibrary) {
		t.Fatalf("got %v", err)
	}
	if text := err.Error(); strings.ContainsAny(text, "\n") || strings.Contains(text, "Platform-specific") || strings.Count(text, ErrNoLibrary.Error()) != 1 {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"/nowhere/a.so", "/nowhere/b.so", LibraryVariable} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
