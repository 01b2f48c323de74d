package attack

import "context"

// PGD takes steps along the sign of the gradient and projects each onto the
// ball: Madry et al., "Towards Deep Learning Models Resistant to Adversarial
// Attacks", ICLR 2018. The radius is in the maximum norm.
type PGD struct {
	Steps int
	// Step is the length of a step, in the unit of the radius; 0 is a quarter of
	// the radius.
	Step float32
	// RandomStart begins anywhere in the ball and not at the clean image.
	RandomStart bool
}

func (p PGD) passes() (forward, backward int) { return ascentPasses(p.Steps, p.RandomStart) }

func (p PGD) fromClean() bool { return !p.RandomStart }

func (p PGD) search(ctx context.Context, b *batch) error {
	if p.RandomStart {
		b.startInCube()
	}
	return p.ascend(ctx, b)
}

// ascend takes all steps. The gradient at the first place is known unless the
// start is random.
func (p PGD) ascend(ctx context.Context, b *batch) error {
	step := stepOf(p.Step, b.radius)
	return eachStep(ctx, b, p.Steps, p.RandomStart, func(i int) {
		x, grad := b.image(b.x, i), b.image(b.grad, i)
		for j, c := range b.image(b.clean, i) {
			x[j] = confine(x[j]+step*sign(grad[j]), c, b.radius)
		}
	})
}

func stepOf(step, radius float32) float32 {
	if step == 0 {
		return radius / 4
	}
	return step
}

// ascentPasses leaves the pass at the clean image out.
func ascentPasses(steps int, randomStart bool) (forward, backward int) {
	if randomStart {
		return steps, steps
	}
	return steps - 1, steps - 1
}

// eachStep moves every image that is not settled, steps times, after the
// gradient there was found.
func eachStep(ctx context.Context, b *batch, steps int, randomStart bool, move func(i int)) error {
	for k := range steps {
		if k > 0 || randomStart {
			if err := b.differentiate(ctx); err != nil {
				return err
			}
		}
		b.each(move)
	}
	return nil
}
