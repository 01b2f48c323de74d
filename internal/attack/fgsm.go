package attack

import "context"

// FGSM is one step of the size of the radius along the sign of the gradient:
// Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial
// Examples", ICLR 2015. The radius is in the maximum norm.
type FGSM struct{}

func (FGSM) passes() (forward, backward int) { return 0, 0 }

func (FGSM) fromClean() bool { return true }

func (FGSM) search(_ context.Context, b *batch) error {
	b.each(func(i int) {
		x, grad := b.image(b.x, i), b.image(b.grad, i)
		for j, c := range b.image(b.clean, i) {
			x[j] = unit(c + b.radius*sign(grad[j]))
		}
	})
	return nil
}
