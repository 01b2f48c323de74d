package pipeline

import (
	"context"
	"iter"
	"slices"
)

// drawn are the samples of the source that the seed draws, in the source's
// order: a simple random sample without replacement. Each sample has a number
// that depends on the seed and its ID alone, and the smallest numbers are drawn.
// So the draw is the same for every order of the data set, and a larger draw
// holds a smaller one. The source is listed twice.
func (p *pass) drawn(ctx context.Context) iter.Seq2[Sample, error] {
	if p.sample == 0 {
		return p.source.Samples(ctx)
	}
	return func(yield func(Sample, error) bool) {
		highest, err := p.highestDrawn(ctx)
		if err != nil {
			yield(Sample{}, err)
			return
		}
		for s, err := range p.source.Samples(ctx) {
			if err == nil && p.lot(s) > highest {
				continue
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// lot is the number of a sample in the draw.
func (p *pass) lot(s Sample) uint64 {
	return Sample{ID: s.ID, Seed: p.seed}.Rand("sample").Uint64()
}

// highestDrawn is the number of the last sample that is drawn.
func (p *pass) highestDrawn(ctx context.Context) (uint64, error) {
	var lots []uint64
	keep := func() {
		slices.Sort(lots)
		lots = lots[:min(len(lots), p.sample)]
	}
	for s, err := range p.source.Samples(ctx) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return 0, err
		}
		if lots = append(lots, p.lot(s)); len(lots)/2 >= p.sample {
			keep()
		}
	}
	if len(lots) == 0 {
		return 0, nil
	}
	keep()
	return lots[len(lots)-1], nil
}
