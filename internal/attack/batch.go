package attack

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// batch is the images that go through the oracle together. All buffers are
// allocated once: a step of a method allocates nothing.
type batch struct {
	oracle  Oracle
	in      Images
	options Options
	size    int // values of an image
	classes int

	first, n int     // in.Pix[first:first+n] is attacked
	radius   float32 // of the ball that is searched
	rands    []*rand.Rand

	// Rows after n repeat the last image; what comes of them is dropped.
	clean, x     []float32
	grad         []float32 // where the oracle differentiated last
	cleanGrad    []float32 // of methods that begin at the clean images
	labels       []int64
	logits, loss []float32
	kept         []float32 // the worst so far of the restarts
	spare        [][]float32

	before  []bool // classified correctly when clean
	broken  []bool // an output is not finite for the clean image
	skipped []bool // not searched for in this restart
	settled []bool // the search is over
	visit   []cost // of the clean image
	spent   []cost
	verdict []verdict
}

type cost struct {
	forward, backward int32
	zeroGradient      bool
}

func newBatch(oracle Oracle, in Images, o Options) *batch {
	rows, size, classes := oracle.Batch(), 3*in.H*in.W, oracle.Classes()
	return &batch{
		oracle: oracle, in: in, options: o, size: size, classes: classes,
		rands: make([]*rand.Rand, rows), clean: make([]float32, rows*size), x: make([]float32, rows*size),
		labels: make([]int64, rows), logits: make([]float32, rows*classes), loss: make([]float32, rows),
		kept: make([]float32, rows*size), before: make([]bool, rows), broken: make([]bool, rows), skipped: make([]bool, rows),
		settled: make([]bool, rows), visit: make([]cost, rows), spent: make([]cost, rows), verdict: make([]verdict, rows),
	}
}

// load takes the images from first on, as many as the oracle takes.
func (b *batch) load(first int) {
	b.first, b.n = first, min(b.oracle.Batch(), len(b.in.Pix)-first)
	for i := range b.oracle.Batch() {
		from := first + min(i, b.n-1)
		copy(b.image(b.clean, i), b.in.Pix[from])
		b.labels[i] = b.in.Labels[from]
	}
}

// image is the part of a buffer that belongs to image i.
func (b *batch) image(buffer []float32, i int) []float32 {
	return buffer[i*b.size : (i+1)*b.size : (i+1)*b.size]
}

func (b *batch) logitsOf(i int) []float32 { return b.logits[i*b.classes : (i+1)*b.classes] }

// scratch returns n buffers as long as x for a search. Their contents are those
// of the search before.
func (b *batch) scratch(n int) [][]float32 {
	for len(b.spare) < n {
		b.spare = append(b.spare, make([]float32, len(b.x)))
	}
	return b.spare[:n]
}

// attack searches every ball around the images.
func (b *batch) attack(ctx context.Context, m Method) ([][]Outcome, error) {
	if err := b.visitClean(ctx, m.fromClean()); err != nil {
		return nil, err
	}
	outcomes := make([][]Outcome, b.n)
	for _, radius := range b.options.Radii {
		if err := b.searchBall(ctx, m, radius); err != nil {
			return nil, err
		}
		for i := range outcomes {
			outcomes[i] = append(outcomes[i], b.outcome(i))
		}
	}
	return outcomes, nil
}

func (b *batch) outcome(i int) Outcome {
	c := b.spent[i]
	return Outcome{
		Pix: slices.Clone(b.image(b.kept, i)), Before: b.before[i],
		Forward: c.forward, Backward: c.backward, ZeroGradient: c.zeroGradient,
	}
}

// visitClean classifies the clean images.
func (b *batch) visitClean(ctx context.Context, differentiate bool) error {
	copy(b.x, b.clean)
	clear(b.spent)
	clear(b.settled)
	if err := b.visitWith(ctx, differentiate); err != nil {
		return err
	}
	for i := range b.n {
		b.broken[i] = b.settled[i]
		b.before[i] = !b.broken[i] && isCorrect(b.logitsOf(i), b.labels[i])
	}
	copy(b.visit, b.spent)
	return nil
}

func (b *batch) visitWith(ctx context.Context, differentiate bool) error {
	if !differentiate {
		return b.evaluate(ctx)
	}
	if err := b.differentiate(ctx); err != nil {
		return err
	}
	b.cleanGrad = append(b.cleanGrad[:0], b.grad...)
	return nil
}

// searchBall leaves the worst of all restarts in kept.
func (b *batch) searchBall(ctx context.Context, m Method, radius float32) error {
	b.radius = radius
	copy(b.spent, b.visit)
	copy(b.kept, b.clean)
	for i := range b.n {
		b.skipped[i] = b.broken[i] || b.options.EarlyStop && !b.before[i]
		b.verdict[i] = verdict{loss: math.Inf(-1)}
	}
	for restart := range b.options.Restarts {
		if !slices.Contains(b.skipped[:b.n], false) {
			break
		}
		b.begin(restart)
		if err := m.search(ctx, b); err != nil {
			return err
		}
		if err := b.keep(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) begin(restart int) {
	copy(b.x, b.clean)
	copy(b.grad, b.cleanGrad)
	copy(b.settled, b.skipped)
	for i := range b.n {
		if !b.skipped[i] {
			b.rands[i] = b.in.Rand(b.first+i, restart)
		}
	}
}

// keep takes what the search found where it is worse for the classifier than
// what was found before.
func (b *batch) keep(ctx context.Context) error {
	copy(b.settled, b.skipped)
	if b.options.Quantize {
		b.each(func(i int) { quantize(b.image(b.x, i), b.image(b.clean, i), b.radius) })
	}
	if b.options.Restarts == 1 {
		b.each(func(i int) { copy(b.image(b.kept, i), b.image(b.x, i)) })
		return nil
	}
	if err := b.evaluate(ctx); err != nil {
		return err
	}
	b.each(func(i int) {
		found := judge(b.logitsOf(i), b.labels[i], crossEntropy(b.logitsOf(i), b.labels[i]))
		if found.worseThan(b.verdict[i]) {
			b.verdict[i] = found
			copy(b.image(b.kept, i), b.image(b.x, i))
		}
		b.skipped[i] = found.wrong
	})
	return nil
}

// verdictAt is that of image i where the oracle differentiated last.
func (b *batch) verdictAt(i int) verdict {
	return judge(b.logitsOf(i), b.labels[i], float64(b.loss[i]))
}

// each visits the images that are not settled.
func (b *batch) each(visit func(i int)) {
	for i := range b.n {
		if !b.settled[i] {
			visit(i)
		}
	}
}

// busy says whether an image is not settled.
func (b *batch) busy() bool { return slices.Contains(b.settled[:b.n], false) }

// evaluate writes the logits at x.
func (b *batch) evaluate(ctx context.Context) error {
	if err := b.oracle.Logits(ctx, b.x, b.logits); err != nil {
		return err
	}
	b.each(func(i int) { b.spent[i].forward++ })
	b.settleBroken()
	return nil
}

// differentiate writes the logits, losses and gradients at x.
func (b *batch) differentiate(ctx context.Context) error {
	if b.grad == nil {
		b.grad = make([]float32, len(b.x))
	}
	if err := b.oracle.Gradient(ctx, b.x, b.labels, b.logits, b.loss, b.grad); err != nil {
		return err
	}
	b.each(func(i int) {
		c := &b.spent[i]
		c.forward, c.backward = c.forward+1, c.backward+1
		if !usable(b.image(b.grad, i)) {
			c.zeroGradient = true
		}
	})
	b.settleBroken()
	b.each(func(i int) {
		if l := b.loss[i]; l-l != 0 {
			b.loss[i] = float32(crossEntropy(b.logitsOf(i), b.labels[i]))
		}
	})
	return nil
}

// settleBroken ends the search where an output of the network is not finite,
// with the clean image: what is found must have a prediction.
func (b *batch) settleBroken() {
	b.each(func(i int) {
		if !slices.ContainsFunc(b.logitsOf(i), func(z float32) bool { return z-z != 0 }) {
			return
		}
		copy(b.image(b.x, i), b.image(b.clean, i))
		b.spent[i].zeroGradient = true
		b.settled[i] = true
	})
}

// usable makes values that are not finite 0: they give no direction. It says
// whether all were finite, and one of them not 0.
func usable(gradient []float32) bool {
	var sum float32 // of zeros, and of NaN where a value is not finite
	zero := true
	for _, g := range gradient {
		sum += g * 0
		zero = zero && g == 0
	}
	if sum == 0 {
		return !zero
	}
	for j, g := range gradient {
		if g-g != 0 {
			gradient[j] = 0
		}
	}
	return false
}
