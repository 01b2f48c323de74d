// Package attack searches for small changes of images that make a classifier
// err: FGSM, PGD, AutoPGD and the Square attack. Attacks are untargeted, and
// all but Square climb the cross-entropy against the true label.
//
// What becomes of an image depends on the image, its label and its random
// numbers alone, whatever else is attacked at the same time.
package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// Oracle is a classifier under attack. It takes Batch images at once, one after
// the other, each of three planes (red, green, blue) of rows of values.
type Oracle interface {
	Batch() int
	Classes() int
	// Logits writes Classes values for each image.
	Logits(ctx context.Context, x, logits []float32) error
	// Gradient also writes the cross-entropy of each image against its label, in
	// nats, and the gradient of their sum, as long as x.
	Gradient(ctx context.Context, x []float32, labels []int64, logits, loss, dx []float32) error
}

// Method is one of the algorithms of this package.
type Method interface {
	// passes is the cost of one search for each image, at most.
	passes() (forward, backward int)
	// fromClean says whether the search begins with the gradient at the clean
	// image, which is then there already.
	fromClean() bool
	// search finds b.x, which is the clean images before, for every image that is
	// not settled.
	search(ctx context.Context, b *batch) error
}

// UsesGradient says whether a method needs Oracle.Gradient.
func UsesGradient(m Method) bool {
	_, backward := m.passes()
	return backward > 0 || m.fromClean()
}

// Options are those that all methods share.
type Options struct {
	// Radii are those of the balls around the clean image that are searched, each
	// on its own, in units in which black is 0 and white 1.
	Radii []float32
	// Restarts is how many searches are made, each from a start of its own, as
	// long as the image is classified correctly; of those that all fail, the one
	// with the highest loss is kept.
	Restarts int
	// EarlyStop leaves images alone that are classified wrongly as they are.
	EarlyStop bool
	// Quantize rounds what was found to whole multiples of 1/255 within the ball.
	// The radii must be at least 1/255.
	Quantize bool
}

// Images are what is attacked.
type Images struct {
	H, W int
	// Pix holds the values of each image, as an Oracle takes them. They are not
	// written to.
	Pix    [][]float32
	Labels []int64
	// Rand returns the random numbers of an image for one search, the same at
	// every call.
	Rand func(image, restart int) *rand.Rand
}

// Outcome is what was found in one ball around one image.
type Outcome struct {
	Pix []float32
	// Before is whether the clean image is classified correctly.
	Before bool
	// Forward and Backward count passes for this image, those at the clean image
	// included.
	Forward, Backward int32
	// ZeroGradient is whether a gradient was zero everywhere, or not known: see
	// Run.
	ZeroGradient bool
}

// ImageError is about one of the images.
type ImageError struct {
	Image int
	Err   error
}

func (e *ImageError) Error() string { return fmt.Sprintf("image %d: %v", e.Image, e.Err) }
func (e *ImageError) Unwrap() error { return e.Err }

// Passes is the most that Run takes for one image and all radii. The pass at
// the clean image is made once for all of them.
func Passes(m Method, o Options) (forward, backward int) {
	forward, backward = m.passes()
	if o.Restarts > 1 {
		forward++ // to compare what the restarts found
	}
	searches := len(o.Radii) * o.Restarts
	forward, backward = 1+searches*forward, searches*backward
	if m.fromClean() {
		backward++
	}
	return forward, backward
}

// Run attacks each image within each radius. The outcomes are by image, then by
// radius.
//
// What is not finite is of one image and does not end the others: values of a
// gradient that are not finite count as 0, and where an output of the network is
// not the search ends with the clean image, or for APGD with the best found
// before. ZeroGradient is then set. A loss that is not finite is taken from the
// logits.
func Run(ctx context.Context, oracle Oracle, m Method, in Images, o Options) ([][]Outcome, error) {
	if err := in.check(oracle.Classes()); err != nil {
		return nil, err
	}
	b := newBatch(oracle, in, o)
	outcomes := make([][]Outcome, 0, len(in.Pix))
	for first := 0; first < len(in.Pix); first += oracle.Batch() {
		b.load(first)
		found, err := b.attack(ctx, m)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, found...)
	}
	return outcomes, nil
}

func (in Images) check(classes int) error {
	for i, pix := range in.Pix {
		if want := 3 * in.H * in.W; len(pix) != want {
			return &ImageError{Image: i, Err: fmt.Errorf("must have %d values for 3 planes of %dx%d, has %d", want, in.W, in.H, len(pix))}
		}
		if label := in.Labels[i]; label < 0 || label >= int64(classes) {
			return &ImageError{Image: i, Err: fmt.Errorf("the label must be one of the model's %d classes, is %d", classes, label)}
		}
	}
	return nil
}
