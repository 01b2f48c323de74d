package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"quba/internal/onnxfile/onnxtest"
	"quba/internal/ort"
	"quba/internal/ort/orttest"
)

func TestMain(m *testing.M) {
	if ort.ProbeMain() {
		return
	}
	testscript.Main(m, map[string]func(){"pipeline": main})
}

// The scripts use the command as a person does. Those whose name begins with
// "run" need the onnxruntime library.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var plain, running []string
	for _, s := range scripts {
		if strings.HasPrefix(filepath.Base(s), "run") {
			running = append(running, s)
		} else {
			plain = append(plain, s)
		}
	}
	t.Run("plain", func(t *testing.T) { runScripts(t, plain, "") })
	t.Run("running", func(t *testing.T) { runScripts(t, running, orttest.Library(t)) })
}

func runScripts(t *testing.T, files []string, library string) {
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error {
			env.Setenv(ort.LibraryVariable, library)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":           exits,
			"classifier":      classifier,
			"pictures":        pictures,
			"samepredictions": samePredictions,
			"interrupt":       interrupt,
			"killed":          killed,
			"fifo":            fifo,
			"shownresult":     shownResult,
		},
	})
}

// exits CODE PROGRAM ARG... runs a program that must end with the code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// classifier FILE CLASSES [SIZE] writes a linear ONNX classifier of square
// images, 8 pixels wide or as said, with its side-car.
func classifier(ts *testscript.TestScript, _ bool, args []string) {
	classes, err := strconv.Atoi(args[1])
	ts.Check(err)
	size := 8
	if len(args) > 2 {
		size, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(os.WriteFile(path, onnxtest.Classifier{Classes: classes, Size: size}.Model().Bytes(), 0o666))
	sidecar := fmt.Sprintf(`{"preprocess": {"resize_shorter_side": %[1]d, "interpolation": "bilinear", "center_crop": %[1]d, "scale": "1/255",
 "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}, "input": {"layout": "NCHW", "color": "RGB"}, "class_order": "none", "params": 27000, "family": "linear"}`, size)
	ts.Check(os.WriteFile(strings.TrimSuffix(path, ".onnx")+".json", []byte(sidecar), 0o666))
}

// pictures DIR COUNT CLASS... writes so many PNG files for each class folder.
func pictures(ts *testscript.TestScript, _ bool, args []string) {
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	for k, class := range args[2:] {
		dir := filepath.Join(ts.MkAbs(args[0]), class)
		ts.Check(os.MkdirAll(dir, 0o777))
		for i := range count {
			img := image.NewNRGBA(image.Rect(0, 0, 12, 10))
			for y := range 10 {
				for x := range 12 {
					img.Set(x, y, color.NRGBA{R: uint8(40*k + 7*x), G: uint8(11 * y * (i + 1)), B: uint8(200 - 13*i), A: 255})
				}
			}
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("picture%03d.png", i)))
			ts.Check(err)
			ts.Check(png.Encode(f, img))
			ts.Check(f.Close())
		}
	}
}
