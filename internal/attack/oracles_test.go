package attack

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// differentiable is a classifier of one image, in float64.
type differentiable interface {
	classes() int
	// backward returns the logits, and for the gradient of a function with
	// respect to them that with respect to x.
	forward(x []float32) []float64
	backward(x []float32, dz []float64) []float64
}

// toyOracle makes an oracle of a classifier, and remembers what it was asked.
type toyOracle struct {
	differentiable
	batch int
	// seen is called for every row of every pass.
	seen                func(row int, x []float32, logits []float64)
	forwards, backwards int
}

func (o *toyOracle) Batch() int   { return o.batch }
func (o *toyOracle) Classes() int { return o.classes() }

func (o *toyOracle) Logits(ctx context.Context, x, logits []float32) error {
	o.forwards++
	size := len(x) / o.batch
	for i := range o.batch {
		row := x[i*size : (i+1)*size]
		z := o.forward(row)
		for k, v := range z {
			logits[i*len(z)+k] = float32(v)
		}
		if o.seen != nil {
			o.seen(i, row, z)
		}
	}
	return ctx.Err()
}

func (o *toyOracle) Gradient(ctx context.Context, x []float32, labels []int64, logits, loss, dx []float32) error {
	o.forwards--
	o.backwards++
	if err := o.Logits(ctx, x, logits); err != nil {
		return err
	}
	size := len(x) / o.batch
	for i := range o.batch {
		row := x[i*size : (i+1)*size]
		z := o.forward(row)
		dz, ce := softmaxGradient(z, labels[i])
		loss[i] = float32(ce)
		for j, v := range o.backward(row, dz) {
			dx[i*size+j] = float32(v)
		}
	}
	return nil
}

func softmaxGradient(z []float64, label int64) (dz []float64, ce float64) {
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(v)
	}
	dz = make([]float64, len(z))
	for k, v := range z {
		dz[k] = math.Exp(v) / sum
	}
	ce = -math.Log(dz[label])
	dz[label]--
	return dz, ce
}

// linear has logits w x.
type linear struct{ w [][]float64 }

func randomLinear(r *rand.Rand, classes, size int) linear {
	m := linear{}
	for range classes {
		row := make([]float64, size)
		for j := range row {
			row[j] = r.NormFloat64()
		}
		m.w = append(m.w, row)
	}
	return m
}

func (m linear) classes() int { return len(m.w) }

func (m linear) forward(x []float32) []float64 {
	z := make([]float64, len(m.w))
	for k, row := range m.w {
		for j, v := range x {
			z[k] += row[j] * float64(v)
		}
	}
	return z
}

func (m linear) backward(x []float32, dz []float64) []float64 {
	dx := make([]float64, len(x))
	for k, row := range m.w {
		for j := range dx {
			dx[j] += row[j] * dz[k]
		}
	}
	return dx
}

// mlp has a hidden layer of tanh units.
type mlp struct{ hidden, out linear }

func randomMLP(r *rand.Rand, classes, units, size int) mlp {
	return mlp{hidden: randomLinear(r, units, size), out: randomLinear(r, classes, units)}
}

func (m mlp) classes() int { return m.out.classes() }

func (m mlp) activations(x []float32) []float32 {
	h := make([]float32, len(m.hidden.w))
	for u, v := range m.hidden.forward(x) {
		h[u] = float32(math.Tanh(v))
	}
	return h
}

func (m mlp) forward(x []float32) []float64 { return m.out.forward(m.activations(x)) }

func (m mlp) backward(x []float32, dz []float64) []float64 {
	h := m.activations(x)
	dh := m.out.backward(h, dz)
	for u, v := range h {
		dh[u] *= 1 - float64(v)*float64(v)
	}
	return m.hidden.backward(x, dh)
}

// silent cannot be moved: its gradient is zero, or what else is given.
type silent struct{ gradient float64 }

func (silent) classes() int                { return 2 }
func (silent) forward([]float32) []float64 { return []float64{1, 0} }
func (s silent) backward(x []float32, _ []float64) []float64 {
	dx := make([]float64, len(x))
	dx[len(x)-1] = s.gradient
	return dx
}

// The toys are right: their gradients are those of finite differences.
func TestToyGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for name, m := range map[string]differentiable{"linear": randomLinear(r, 4, 12), "mlp": randomMLP(r, 4, 6, 12)} {
		o := &toyOracle{differentiable: m, batch: 1}
		x, logits, loss, dx := randomImage(r, 12), make([]float32, 4), make([]float32, 1), make([]float32, 12)
		lossAt := func(j int, h float32) float64 {
			moved := append([]float32(nil), x...)
			moved[j] += h
			err := o.Gradient(context.Background(), moved, []int64{2}, logits, loss, make([]float32, 12))
			return float64(loss[0]) + map[bool]float64{true: math.NaN()}[err != nil]
		}
		if err := o.Gradient(context.Background(), x, []int64{2}, logits, loss, dx); err != nil {
			t.Fatal(err)
		}
		for j := range x {
			const h = 0.01
			if want := (lossAt(j, h) - lossAt(j, -h)) / (2 * h); !(math.Abs(want-float64(dx[j])) < 1e-2*(1+math.Abs(want))) {
				t.Errorf("%s: derivative %d is %g, the differences say %g", name, j, dx[j], want)
			}
		}
	}
}

func randomImage(r *rand.Rand, size int) []float32 {
	x := make([]float32, size)
	for j := range x {
		x[j] = float32(r.IntN(256)) / 255
	}
	return x
}

// randomImages are on the 8-bit grid; each has random numbers of its own.
func randomImages(r *rand.Rand, n, h, w, classes int) Images {
	in := Images{H: h, W: w}
	seeds := make([]uint64, n)
	for i := range n {
		in.Pix = append(in.Pix, randomImage(r, 3*h*w))
		in.Labels = append(in.Labels, int64(r.IntN(classes)))
		seeds[i] = r.Uint64()
	}
	in.Rand = func(image, restart int) *rand.Rand { return rand.New(rand.NewPCG(seeds[image], uint64(restart))) }
	return in
}

// some are the images at the given places.
func some(in Images, places ...int) Images {
	out := Images{H: in.H, W: in.W, Rand: func(i, restart int) *rand.Rand { return in.Rand(places[i], restart) }}
	for _, p := range places {
		out.Pix = append(out.Pix, in.Pix[p])
		out.Labels = append(out.Labels, in.Labels[p])
	}
	return out
}

func mustRun(t testing.TB, o Oracle, m Method, in Images, opts Options) [][]Outcome {
	t.Helper()
	out, err := Run(context.Background(), o, m, in, opts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFaultsNameTheImage(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	in := randomImages(r, 3, 2, 2, 2)
	for name, test := range map[string]struct {
		o    Oracle
		in   func(*Images)
		want int
	}{
		"label": {&toyOracle{differentiable: silent{}, batch: 2}, func(in *Images) { in.Labels = []int64{0, 1, 2} }, 2},
		"size":  {&toyOracle{differentiable: silent{}, batch: 2}, func(in *Images) { in.H = 3 }, 0},
	} {
		bad := in
		test.in(&bad)
		_, err := Run(context.Background(), test.o, PGD{Steps: 2, RandomStart: true}, bad, Options{Radii: []float32{0.1}, Restarts: 1})
		var of *ImageError
		if !errors.As(err, &of) || of.Image != test.want {
			t.Errorf("%s: error is %v, want one of image %d", name, err, test.want)
		}
	}
}
