package sensitivity

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

// DefaultDraws keeps the Monte Carlo error of a probability below 0.005, one
// standard error.
const DefaultDraws = 10_000

// Simulation says how much is drawn. The same seed gives the same bytes
// whatever the number of workers.
type Simulation struct {
	Seed uint64
	// Draws is at least 1; 0 means DefaultDraws.
	Draws int
	// Workers is at least 1; 0 means one for each processor.
	Workers int
}

func (s Simulation) resolve() (Simulation, error) {
	if s.Draws == 0 {
		s.Draws = DefaultDraws
	}
	if s.Workers == 0 {
		s.Workers = runtime.GOMAXPROCS(0)
	}
	if s.Draws < 1 || s.Workers < 1 {
		return s, fmt.Errorf("draws and workers must be at least 1, got %d and %d", s.Draws, s.Workers)
	}
	return s, nil
}

// chunkCount is fixed: sums are made within chunks and then over chunks in
// their order, so that rounding does not depend on the workers.
const chunkCount = 32

// run calls work for every chunk of the draws, each with an index 0..31.
func (s Simulation) run(work func(chunk, from, to int) error) error {
	errs := make([]error, chunkCount)
	chunks := make(chan int)
	var group sync.WaitGroup
	for range min(s.Workers, chunkCount) {
		group.Go(func() {
			for chunk := range chunks {
				errs[chunk] = work(chunk, chunk*s.Draws/chunkCount, (chunk+1)*s.Draws/chunkCount)
			}
		})
	}
	for chunk := range chunkCount {
		chunks <- chunk
	}
	close(chunks)
	group.Wait()
	// All chunks fail alike; one message is enough.
	if failed := slices.IndexFunc(errs, func(err error) bool { return err != nil }); failed >= 0 {
		return errs[failed]
	}
	return nil
}

// random are the random numbers of one draw: a function of the seed and the
// draw's number, so that draws can be made in any order.
func (s Simulation) random(draw int) *rand.Rand {
	return rand.New(rand.NewPCG(mix(s.Seed), mix(mix(s.Seed)+uint64(draw))))
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// weightsOf draws the weights of one draw into w.
func (s Simulation) weightsOf(draw int, law Law, w []float64) error {
	if law.draw == nil {
		return errors.New("the law of the weights is empty; use Uniform, Near or Constrained")
	}
	return law.draw(s.random(draw), w)
}
