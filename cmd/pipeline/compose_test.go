package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quba/internal/compose"
	"quba/internal/imaging"
	"quba/internal/onnxfile"
	"quba/internal/onnxfile/onnxtest"
	"quba/internal/ort"
	"quba/internal/ort/orttest"
)

// writeImage writes a PNG file and the folders that it lies in.
func writeImage(t *testing.T, name string, m *imaging.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := imaging.EncodePNG(&b, m); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// square is a bright square on another level.
func square(level byte) *imaging.Image {
	m := imaging.New(256, 256)
	for i := range m.Pix {
		m.Pix[i] = level
		if x, y := i/3%256, i/3/256; x >= 80 && x < 180 && y >= 60 && y < 160 {
			m.Pix[i] = 250
		}
	}
	return m
}

// segmenter finds what is brighter than the middle. It has two outputs, of
// which the second is something else.
func segmenter(t *testing.T) string {
	t.Helper()
	g := onnxtest.Graph{
		Inputs: []onnxtest.Value{{Name: "x", Type: onnxfile.Float32, Dims: []any{"n", 3, "h", "w"}}},
		Outputs: []onnxtest.Value{
			{Name: "mask", Type: onnxfile.Float32, Dims: []any{"n", 1, "h", "w"}},
			{Name: "side", Type: onnxfile.Float32, Dims: []any{"n", 1, "h", "w"}},
		},
		Nodes: []onnxtest.Node{
			{Op: "Conv", In: []string{"x", "w", "b"}, Out: []string{"side"}},
			{Op: "Sigmoid", In: []string{"side"}, Out: []string{"mask"}},
		},
		Tensors: []onnxtest.Tensor{
			onnxtest.Floats("w", onnxfile.Float32, []int64{1, 3, 1, 1}, []float32{10, 10, 10}),
			onnxtest.Floats("b", onnxfile.Float32, []int64{1}, []float32{-15}),
		},
	}
	return onnxtest.Model{Graph: g}.Write(t, "segmenter.onnx")
}

// Masks, boxes and a network that say the same make the same files.
func TestComposeFromEachForeground(t *testing.T) {
	t.Setenv(ort.LibraryVariable, orttest.Library(t))
	folder := t.TempDir()
	images, masks := filepath.Join(folder, "images"), filepath.Join(folder, "masks")
	boxes := "path,x0,y0,x1,y1\n"
	for i, id := range []string{"00_dog/a", "00_dog/b", "08_fish/a", "08_fish/b"} {
		writeImage(t, filepath.Join(images, id+".png"), square(byte(10*i+5)))
		writeImage(t, filepath.Join(masks, id+".png"), square(0))
		boxes += fmt.Sprintf("%s.png,80,60,180,160\n", id)
	}
	list := filepath.Join(folder, "boxes.csv")
	if err := os.WriteFile(list, []byte(boxes), 0o666); err != nil {
		t.Fatal(err)
	}
	network := segmenter(t)
	var reports []compose.Report
	for i, from := range [][]string{
		{"--boxes", list},
		{"--masks", masks},
		{"--segmenter", network, "--segmenter-option", "size=256", "--segmenter-option", "mean=0|0|0", "--segmenter-option", "std=1|1|1"},
	} {
		var stdout, stderr bytes.Buffer
		out := filepath.Join(folder, fmt.Sprint("out", i))
		args := append([]string{"compose-backgrounds", "--images", images, "-o", out, "--format", "json"}, from...)
		if code := mainCode(args, &stdout, &stderr); code != exitOK {
			t.Fatalf("%q: exit code %d: %s", from, code, stderr.String())
		}
		var r compose.Report
		if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		reports = append(reports, r)
		wantSameFiles(t, filepath.Join(folder, "out0"), out)
	}
	if r := reports[1]; r.Foregrounds != "masks" || len(r.Facts) != 1 || r.Facts[0].Name != "masks" || len(r.Facts[0].Value) != 64 {
		t.Errorf("masks: %s, %v", r.Foregrounds, r.Facts)
	}
	if r := reports[2]; r.Foregrounds != "segmenter" || len(r.Facts) != 4 || r.Facts[0].Origin != "sha256" || r.Facts[1].Name != "segmenter.size" || r.Facts[1].Value != "256" {
		t.Errorf("segmenter: %s, %v", r.Foregrounds, r.Facts)
	}
	var stderr bytes.Buffer
	code := mainCode([]string{"compose-backgrounds", "--images", images, "-o", filepath.Join(folder, "x"), "--segmenter", list}, &stderr, &stderr)
	if code != exitData || !strings.Contains(stderr.String(), "boxes.csv") {
		t.Errorf("no network: exit code %d: %s", code, stderr.String())
	}
}

// wantSameFiles compares the images of two folders.
func wantSameFiles(t *testing.T, a, b string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(a, "*", "val", "*", "*.png"))
	if err != nil || len(files) != 5*4 {
		t.Fatalf("%s has %d files: %v", a, len(files), err)
	}
	for _, name := range files {
		rel, err := filepath.Rel(a, name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(b, rel)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs: %v", filepath.Join(b, rel), err)
		}
	}
}
