package attack

import (
	"context"
	"slices"
)

// APGD is AutoPGD on the cross-entropy: PGD with momentum, whose step begins at
// twice the radius and is halved where progress stalls. It is Algorithm 1 of
// Croce and Hein, "Reliable Evaluation of Adversarial Robustness with an
// Ensemble of Diverse Parameter-free Attacks", ICML 2020, with its constants;
// the checkpoints are the paper's for any number of steps (the released code
// rounds their distances down, which is the same for 100 steps). The radius is
// in the maximum norm.
type APGD struct{ Steps int }

const (
	apgdMomentum = 0.75 // alpha: weight of the new step against the last one
	apgdProgress = 0.75 // rho: fraction of steps that must raise the loss
)

// passes has one for the start.
func (a APGD) passes() (forward, backward int) { return a.Steps + 1, a.Steps + 1 }

func (APGD) fromClean() bool { return false }

// climb is the search for one image.
type climb struct {
	step               float32
	loss, top          float32 // of the last place and of the best so far
	topAtCheckpoint    float32
	rises              int // since the last checkpoint
	halvedAtCheckpoint bool
	found              verdict
	x, clean, grad     []float32
	last, best         []float32 // the place before, and the one to return
	topPlace, topGrad  []float32
}

func (a APGD) search(ctx context.Context, b *batch) error {
	b.startInCube()
	if err := b.differentiate(ctx); err != nil {
		return err
	}
	climbs := newClimbs(b)
	checkpoints := checkpointsOf(a.Steps)
	last := 0
	for k := 1; k <= a.Steps; k++ {
		b.each(func(i int) { climbs[i].move(b.radius, k == 1) })
		if err := b.differentiate(ctx); err != nil {
			return err
		}
		b.each(func(i int) { climbs[i].observe(b.loss[i], b.verdictAt(i)) })
		if slices.Contains(checkpoints, k) {
			b.each(func(i int) { climbs[i].check(k - last) })
			last = k
		}
	}
	for _, c := range climbs { // also where the search ended early
		copy(c.x, c.best)
	}
	return nil
}

// newClimbs begins at x, where the oracle has differentiated.
func newClimbs(b *batch) []climb {
	spare := b.scratch(4)
	climbs := make([]climb, b.n)
	b.each(func(i int) {
		climbs[i] = climb{
			x: b.image(b.x, i), clean: b.image(b.clean, i), grad: b.image(b.grad, i),
			last: b.image(spare[0], i), best: b.image(spare[1], i),
			topPlace: b.image(spare[2], i), topGrad: b.image(spare[3], i),
		}
		climbs[i].begin(b.loss[i], b.verdictAt(i), 2*b.radius)
	})
	return climbs
}

// checkpointsOf lists after how many steps progress is looked at: the distance
// is 22 % of all steps at first, and 3 % less each time but at least 6 %.
func checkpointsOf(steps int) []int {
	var at []int
	percent, distance := 22, 22
	for percent <= 100 {
		at = append(at, (percent*steps+99)/100)
		distance = max(distance-3, 6)
		percent += distance
	}
	return slices.Compact(at)
}

func (c *climb) begin(loss float32, found verdict, step float32) {
	c.step, c.loss, c.top, c.topAtCheckpoint, c.found = step, loss, loss, loss, found
	c.halvedAtCheckpoint = true // there is none yet to compare with
	copy(c.last, c.x)
	copy(c.best, c.x)
	copy(c.topPlace, c.x)
	copy(c.topGrad, c.grad)
}

// move takes a step; the first has no momentum.
func (c *climb) move(radius float32, first bool) {
	momentum := float32(apgdMomentum)
	if first {
		momentum = 1
	}
	for j, x := range c.x {
		ahead := confine(x+float32(c.step*sign(c.grad[j])), c.clean[j], radius)
		moved := x + float32(momentum*(ahead-x)) + float32((1-momentum)*(x-c.last[j]))
		c.x[j], c.last[j] = confine(moved, c.clean[j], radius), x
	}
}

func (c *climb) observe(loss float32, found verdict) {
	if loss > c.loss {
		c.rises++
	}
	c.loss = loss
	if loss > c.top {
		c.top = loss
		copy(c.topPlace, c.x)
		copy(c.topGrad, c.grad)
	}
	if found.worseThan(c.found) {
		c.found = found
		copy(c.best, c.x)
	}
}

// check halves the step, and goes back to the best place, where too few of the
// steps since the last checkpoint raised the loss, or where the step stayed as
// it was and the best loss too.
func (c *climb) check(steps int) {
	stalled := float64(c.rises) < apgdProgress*float64(steps)
	stuck := !c.halvedAtCheckpoint && c.top == c.topAtCheckpoint
	c.halvedAtCheckpoint = stalled || stuck
	c.rises, c.topAtCheckpoint = 0, c.top
	if !c.halvedAtCheckpoint {
		return
	}
	c.step /= 2
	c.loss = c.top
	copy(c.x, c.topPlace)
	copy(c.grad, c.topGrad)
}
