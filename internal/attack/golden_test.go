package attack

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"quba/internal/autodiff"
	"quba/internal/ort"
	"quba/internal/ort/orttest"
)

// goldens were made by torchattacks; they stay outside the repository.
const goldens = "../../../shared/golden/gradients"

type goldenAttack struct {
	Name, Model, Input, Output string

	Shape      []int64 `json:"x_shape"`
	Radius     float32 `json:"eps"`
	Step       float32 `json:"alpha"`
	Steps      int
	Clean      []int   `json:"pred_clean"`
	FGSM       []int   `json:"pred_fgsm"`
	PGD        []int   `json:"pred_pgd"`
	Identical  float64 `json:"require_identical_fraction"`
	batch, dim int
}

func goldenAttacks(t *testing.T) []goldenAttack {
	t.Helper()
	var attacks []goldenAttack
	readJSON(t, "attacks.json", &attacks)
	var manifest struct{ Cases []goldenAttack }
	readJSON(t, "manifest.json", &manifest)
	for i := range attacks {
		a := &attacks[i]
		for _, c := range manifest.Cases {
			if c.Name == filepath.Dir(a.Model) {
				a.Input, a.Output = c.Input, c.Output
			}
		}
		a.batch, a.dim = int(a.Shape[0]), int(a.Shape[1]*a.Shape[2]*a.Shape[3])
	}
	return attacks
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(goldens, name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no golden attacks in %s", goldens)
	}
	if err := errors.Join(err, json.Unmarshal(data, into)); err != nil {
		t.Fatal(err)
	}
}

func read[V any](t *testing.T, a goldenAttack, name string, n int) []V {
	t.Helper()
	f, err := os.Open(filepath.Join(goldens, a.Name, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	values := make([]V, n)
	if err := binary.Read(f, binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return values
}

// graphOracle is a gradient graph in onnxruntime.
type graphOracle struct {
	gradient *autodiff.Gradient
	graph    *ort.Graph
}

func openGolden(t *testing.T, a goldenAttack) *graphOracle {
	t.Helper()
	_, _, err := ort.Initialize(orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	g, err := autodiff.Differentiate(context.Background(), filepath.Join(goldens, a.Model), autodiff.Options{Input: a.Input, Output: a.Output, Shape: a.Shape})
	if err != nil {
		t.Fatal(err)
	}
	graph, err := ort.OpenGraph(g.Model, ort.GraphOptions{Inputs: []string{g.Images, g.Labels}, Outputs: []string{g.Logits, g.Loss, g.Input}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := graph.Close(); err != nil {
			t.Error(err)
		}
	})
	return &graphOracle{g, graph}
}

func (o *graphOracle) Batch() int   { return o.gradient.Batch }
func (o *graphOracle) Classes() int { return o.gradient.Classes }

func (o *graphOracle) Logits(ctx context.Context, x, logits []float32) error {
	b := o.Batch()
	return o.Gradient(ctx, x, make([]int64, b), logits, make([]float32, b), make([]float32, len(x)))
}

func (o *graphOracle) Gradient(ctx context.Context, x []float32, labels []int64, logits, loss, dx []float32) error {
	out, err := o.graph.Run(ctx, []ort.Array{{Shape: o.gradient.Shape, Data: x}, {Shape: []int64{int64(o.Batch())}, Data: labels}})
	if err != nil {
		return err
	}
	for i, into := range [][]float32{logits, loss, dx} {
		copy(into, out[i].Data.([]float32))
	}
	return nil
}

// givenStart is PGD from noise that torch drew.
type givenStart struct {
	PGD
	noise []float32
}

func (g givenStart) search(ctx context.Context, b *batch) error {
	for j, c := range b.clean {
		b.x[j] = unit(c + g.noise[j])
	}
	return g.ascend(ctx, b)
}

// FGSM and PGD change the same pixels as torchattacks does.
func TestGolden(t *testing.T) {
	for _, a := range goldenAttacks(t) {
		t.Run(a.Name, func(t *testing.T) {
			oracle, size := openGolden(t, a), a.batch*a.dim
			x := read[float32](t, a, "x.bin", size)
			in := Images{H: int(a.Shape[2]), W: int(a.Shape[3]), Labels: read[int64](t, a, "labels.bin", a.batch), Rand: func(int, int) *rand.Rand { return nil }}
			for i := range a.batch {
				in.Pix = append(in.Pix, x[i*a.dim:(i+1)*a.dim])
			}
			pgd := givenStart{PGD{Steps: a.Steps, Step: a.Step, RandomStart: true}, read[float32](t, a, "noise.bin", size)}
			a.compare(t, oracle, FGSM{}, in, a.FGSM, "fgsm.bin")
			a.compare(t, oracle, pgd, in, a.PGD, "pgd.bin")
		})
	}
}

func (a goldenAttack) compare(t *testing.T, o *graphOracle, m Method, in Images, predictions []int, file string) {
	t.Helper()
	want := read[float32](t, a, file, a.batch*a.dim)
	var got []float32
	for i, found := range mustRun(t, o, m, in, Options{Radii: []float32{a.Radius}, Restarts: 1}) {
		got = append(got, found[0].Pix...)
		if before := int64(a.Clean[i]) == in.Labels[i]; found[0].Before != before {
			t.Errorf("%s: image %d: before is %v, want %v", file, i, found[0].Before, before)
		}
	}
	identical := 0
	for j, v := range got {
		if v == want[j] {
			identical++
		}
	}
	share := float64(identical) / float64(len(got))
	t.Logf("%s: %.4f %% of the values are identical", file, 100*share)
	if share < a.Identical {
		t.Errorf("%s: %g of the values are identical, must be at least %g", file, share, a.Identical)
	}
	logits := make([]float32, o.Batch()*o.Classes())
	if err := o.Logits(context.Background(), got, logits); err != nil {
		t.Fatal(err)
	}
	for i, class := range predictions {
		if row := logits[i*o.Classes() : (i+1)*o.Classes()]; !isCorrect(row, int64(class)) {
			t.Errorf("%s: image %d is not taken for class %d: %v", file, i, class, row)
		}
	}
}
