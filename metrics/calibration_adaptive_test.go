package metrics

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"quba/pipeline/record"
)

// The upper bounds of class 0 are those of the authors' code.
func TestAdaptiveBoundsGolden(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases map[string]struct {
			Classes       int
			Logits, Probs string
			Bounds        []float64 `json:"ace_class0_upper_bounds"`
			Used          int       `json:"ace_class0_used"`
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for name, c := range golden.Cases {
		t.Run(name, func(t *testing.T) {
			column := class0(t, c.Logits, c.Probs, c.Classes)
			sorted := newProbabilitySorter(len(column)).positive(column)
			if len(sorted) != c.Used {
				t.Errorf("used %d values, want %d", len(sorted), c.Used)
			}
			upper := adaptiveBounds(sorted)
			for i, want := range c.Bounds {
				if got := float64(upper[i]); math.Abs(got-want) > 1e-6*want {
					t.Errorf("bound %d: got %v, want %v", i, got, want)
				}
			}
		})
	}
}

func class0(t *testing.T, logits, probs string, classes int) []float32 {
	t.Helper()
	name, kind := logits, record.Logits
	if probs != "" {
		name, kind = probs, record.Probabilities
	}
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var column []float32
	for row := range slices.Chunk(data, 4*classes) {
		output := make([]float32, classes)
		for i := range output {
			output[i] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
		}
		record.Predict(output, kind, record.NoClass, output)
		column = append(column, output[0])
	}
	return column
}

func TestProbabilitySorter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Float32Range(0, 1)).Draw(t, "values")
		var want []float32
		for _, v := range values {
			if v > 0 {
				want = append(want, v)
			}
		}
		slices.Sort(want)
		if got := newProbabilitySorter(len(values)).positive(values); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// The edges are those that torch.linspace(0, 1, 16) gives.
func TestBinEdges(t *testing.T) {
	for i, edge := range binEdges {
		if exact := float64(i) / 15; math.Abs(float64(edge)-exact) > 6e-8 {
			t.Errorf("edge %d is %v, want %v", i, edge, exact)
		}
	}
	if binEdges[0] != 0 || binEdges[15] != 1 {
		t.Errorf("ends are %v and %v", binEdges[0], binEdges[15])
	}
}
