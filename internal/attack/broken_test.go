package attack

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// brittle is a classifier that is not defined for bright images: there its
// gradient is what spoil makes of it, or its logits are NaN.
type brittle struct {
	differentiable
	spoil func(dx []float64)
	blind bool
}

func bright(x []float32) bool {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum > 0.75*float64(len(x))
}

func (b brittle) forward(x []float32) []float64 {
	z := b.differentiable.forward(x)
	if b.blind && bright(x) {
		z[0] = math.NaN()
	}
	return z
}

func (b brittle) backward(x []float32, dz []float64) []float64 {
	dx := b.differentiable.backward(x, dz)
	if b.spoil != nil && bright(x) {
		b.spoil(dx)
	}
	return dx
}

// oneBright are three dark images, of which the second is made bright.
func oneBright(r *rand.Rand) Images {
	in := randomImages(r, 3, 2, 2, 3)
	for i := range in.Pix {
		for j := range in.Pix[i] {
			in.Pix[i][j] = float32(math.Round(255*float64(in.Pix[i][j])/4)) / 255
			if i == 1 {
				in.Pix[i][j] = 1 - in.Pix[i][j]/4
			}
		}
	}
	return in
}

// One image whose gradient or logits are not finite neither ends the attack nor
// changes the other images, and is marked.
func TestOneBrokenImage(t *testing.T) {
	all := func(value float64) func([]float64) {
		return func(dx []float64) {
			for j := range dx {
				dx[j] = value
			}
		}
	}
	for fault, broken := range map[string]brittle{
		"NaN":      {spoil: all(math.NaN())},
		"infinite": {spoil: all(math.Inf(-1))},
		"logits":   {blind: true},
	} {
		for name, m := range methods {
			r := rand.New(rand.NewPCG(11, 11))
			sound := randomMLP(r, 3, 4, 12)
			in := oneBright(r)
			broken.differentiable = sound
			opts := Options{Radii: []float32{0.02, 0.05}, Restarts: 2, Quantize: !euclidean(m)}
			want := mustRun(t, &toyOracle{differentiable: sound, batch: 2}, m, in, opts)
			got := mustRun(t, &toyOracle{differentiable: broken, batch: 2}, m, in, opts)
			for _, i := range []int{0, 2} {
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Errorf("%s, %s: image %d differs", name, fault, i)
				}
			}
			if !broken.blind && !UsesGradient(m) {
				continue
			}
			for k, found := range got[1] {
				if !found.ZeroGradient {
					t.Errorf("%s, %s: the image is not marked", name, fault)
				}
				if d := distance(m, found.Pix, in.Pix[1]); !(d <= float64(opts.Radii[k])+1e-6) {
					t.Errorf("%s, %s: the image is %g away", name, fault, d)
				}
				if broken.blind && (found.Before || !slices.Equal(found.Pix, in.Pix[1])) {
					t.Errorf("%s, %s: %+v, want the clean image, which was not right", name, fault, found)
				}
			}
		}
	}
}

// Values that are finite still give their direction.
func TestFiniteValuesOfABrokenGradientCount(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	model := brittle{differentiable: randomLinear(r, 3, 12), spoil: func(dx []float64) { dx[3], dx[7] = math.NaN(), math.Inf(1) }}
	in := oneBright(r)
	found := mustRun(t, &toyOracle{differentiable: model, batch: 3}, FGSM{}, in, Options{Radii: []float32{0.05}, Restarts: 1})[1][0]
	for j, v := range found.Pix {
		if moved := v != in.Pix[1][j]; moved == (j == 3 || j == 7) && in.Pix[1][j] < 1 {
			t.Errorf("value %d of %g became %g", j, in.Pix[1][j], v)
		}
	}
}

// What AutoPGD found before the network broke is kept.
func TestTheBestIsKeptWhereTheNetworkBreaks(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 13))
	for range 20 {
		model := brittle{differentiable: randomMLP(r, 3, 4, 12), blind: true}
		in := oneBright(r)
		for j := range in.Pix[1] {
			in.Pix[1][j] = 0.74 // a step towards white is too bright
		}
		for i, found := range mustRun(t, &toyOracle{differentiable: model, batch: 3}, APGD{Steps: 20}, in, Options{Radii: []float32{0.1}, Restarts: 1}) {
			if z := model.forward(found[0].Pix); z[0] != z[0] {
				t.Errorf("image %d has no logits after the attack", i)
			}
		}
	}
}

// lossless is an oracle whose own losses are no numbers.
type lossless struct{ Oracle }

func (o lossless) Gradient(ctx context.Context, x []float32, labels []int64, logits, loss, dx []float32) error {
	err := o.Oracle.Gradient(ctx, x, labels, logits, loss, dx)
	for i := range loss {
		loss[i] = float32(math.NaN())
	}
	return err
}

// A loss that is not finite is taken from the logits.
func TestBrokenLosses(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 14))
	oracle := &toyOracle{differentiable: randomMLP(r, 3, 4, 12), batch: 2}
	in := randomImages(r, 3, 2, 2, 3)
	opts := Options{Radii: []float32{0.05}, Restarts: 1}
	for _, m := range []Method{APGD{Steps: 12}, PGD{Steps: 4, RandomStart: true}} {
		want, got := mustRun(t, oracle, m, in, opts), mustRun(t, lossless{oracle}, m, in, opts)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%T: what is found depends on the loss of the network", m)
		}
	}
}
