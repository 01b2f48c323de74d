package attack

import (
	"context"
	"math"
	"math/rand/v2"
)

// Square is the Square attack in the maximum norm, a random search that needs
// no gradient: Andriushchenko, Croce, Flammarion and Hein, "Square Attack: a
// Query-efficient Black-box Adversarial Attack via Random Search", ECCV 2020.
// It begins with vertical stripes at the surface of the ball; then one square
// for each query gets a new sign for each colour, which stays where it lowers
// the margin of the true class. Images are settled once they are misclassified.
type Square struct {
	// Queries is how many images the classifier sees, the stripes included.
	Queries int
}

// squareFraction is the share of the image that the first squares cover: p in
// the paper, with the value that AutoAttack uses.
const squareFraction = 0.8

// squareSchedule says after how many queries, of 10,000, the share is halved.
var squareSchedule = []int{10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000}

func (s Square) passes() (forward, backward int) { return s.Queries, 0 }

func (Square) fromClean() bool { return false }

// window is a square of an image that was changed.
type window struct{ top, left, side int }

func (s Square) search(ctx context.Context, b *batch) error {
	b.each(func(i int) { stripes(b.image(b.x, i), b.image(b.clean, i), b.in.W, b.radius, b.rands[i]) })
	if err := b.evaluate(ctx); err != nil {
		return err
	}
	best := b.scratch(1)[0]
	copy(best, b.x)
	margins, windows := make([]float32, b.n), make([]window, b.n)
	b.each(func(i int) { margins[i] = b.settleWrong(i) })
	for query := 1; query < s.Queries && b.busy(); query++ {
		side := squareSide(query-1, s.Queries, b.in.H, b.in.W)
		b.each(func(i int) { windows[i] = b.propose(i, side) })
		if err := b.evaluate(ctx); err != nil {
			return err
		}
		b.each(func(i int) {
			from, to := b.image(best, i), b.image(b.x, i)
			if m := b.settleWrong(i); m < margins[i] || b.settled[i] {
				margins[i] = m
				from, to = to, from
			}
			windows[i].copy(to, from, b.in.H, b.in.W)
		})
	}
	return nil
}

// settleWrong ends the search for an image that is misclassified at x, and
// returns its margin there.
func (b *batch) settleWrong(i int) float32 {
	b.settled[i] = !isCorrect(b.logitsOf(i), b.labels[i])
	return margin(b.logitsOf(i), b.labels[i])
}

// stripes gives every column a sign for each colour.
func stripes(x, clean []float32, width int, radius float32, r *rand.Rand) {
	plane := len(x) / 3
	for colour := range 3 {
		for column := range width {
			shift := signed(radius, r)
			for j := colour*plane + column; j < (colour+1)*plane; j += width {
				x[j] = unit(clean[j] + shift)
			}
		}
	}
}

func signed(radius float32, r *rand.Rand) float32 {
	if r.Uint64()&1 == 0 {
		return -radius
	}
	return radius
}

// squareSide is the side of the square of a query, which covers less and less
// of the image.
func squareSide(query, queries, h, w int) int {
	at := query * 10000 / queries
	share := squareFraction
	for _, after := range squareSchedule {
		if at > after {
			share /= 2
		}
	}
	side := int(math.RoundToEven(math.Sqrt(share * float64(h*w))))
	return min(max(side, 1), h, w)
}

// propose gives a random square of x a new sign for each colour.
func (b *batch) propose(i, side int) window {
	r, x, clean := b.rands[i], b.image(b.x, i), b.image(b.clean, i)
	h, w := b.in.H, b.in.W
	at := window{top: r.IntN(h - side + 1), left: r.IntN(w - side + 1), side: side}
	for colour := range 3 {
		shift := signed(b.radius, r)
		for row := at.top; row < at.top+side; row++ {
			first := (colour*h+row)*w + at.left
			for j := first; j < first+side; j++ {
				x[j] = unit(clean[j] + shift)
			}
		}
	}
	return at
}

func (a window) copy(to, from []float32, h, w int) {
	for colour := range 3 {
		for row := a.top; row < a.top+a.side; row++ {
			first := (colour*h+row)*w + a.left
			copy(to[first:first+a.side], from[first:first+a.side])
		}
	}
}
