package attack

import (
	"context"
	"math"
)

// PGDL2 is PGD with a radius in the Euclidean norm: steps go along the
// gradient, scaled to their length.
type PGDL2 struct {
	Steps int
	// Step is the length of a step, in the unit of the radius; 0 is a quarter of
	// the radius.
	Step float32
	// RandomStart begins in a random direction, at a distance uniform in the
	// radius.
	RandomStart bool
}

func (p PGDL2) passes() (forward, backward int) { return ascentPasses(p.Steps, p.RandomStart) }

func (p PGDL2) fromClean() bool { return !p.RandomStart }

func (p PGDL2) search(ctx context.Context, b *batch) error {
	if p.RandomStart {
		b.startInSphere()
	}
	step := stepOf(p.Step, b.radius)
	return eachStep(ctx, b, p.Steps, p.RandomStart, func(i int) {
		x, grad := b.image(b.x, i), b.image(b.grad, i)
		ascend(x, grad, step)
		project(x, b.image(b.clean, i), b.radius)
	})
}

// ascend moves x by step along the gradient; a gradient of zeros moves nothing.
func ascend(x, grad []float32, step float32) {
	sum := 0.0
	for _, g := range grad {
		sum += float64(g) * float64(g)
	}
	if sum == 0 {
		return
	}
	scale := float64(step) / math.Sqrt(sum)
	for j, g := range grad {
		x[j] += float32(float64(g) * scale)
	}
}

// project moves x into the Euclidean ball around clean and then into 0..1.
func project(x, clean []float32, radius float32) {
	sum := 0.0
	for j, c := range clean {
		d := float64(x[j] - c)
		sum += float64(d * d)
	}
	scale := float32(1)
	if norm := math.Sqrt(sum); norm > float64(radius) {
		scale = float32(float64(radius) / norm)
	}
	for j, c := range clean {
		x[j] = unit(c + float32((x[j]-c)*scale))
	}
}

func (b *batch) startInSphere() {
	b.each(func(i int) {
		r, x, clean := b.rands[i], b.image(b.x, i), b.image(b.clean, i)
		sum := 0.0
		for j := range x {
			v := r.NormFloat64()
			x[j] = float32(v)
			sum += float64(v * v)
		}
		scale := float32(float64(b.radius) * r.Float64() / math.Sqrt(sum))
		for j, c := range clean {
			x[j] = unit(c + float32(x[j]*scale))
		}
	})
}
