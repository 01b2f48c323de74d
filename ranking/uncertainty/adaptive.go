package uncertainty

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	adaptiveBins = 15 // and one more for the probability 1 alone
	// classSpan is how many classes are added up together. It is fixed, so that
	// the sums do not depend on the number of workers.
	classSpan = 64
)

// adaptiveContributions gives each sample its part in n times the class-
// conditional calibration error with bins of equal counts, n being the number
// of samples: with bins and signs held fixed the error is their mean. probs holds
// the probabilities in [0, 1] of all classes, sample after sample.
func adaptiveContributions(probs []float32, labels []int32) []float64 {
	classes := len(probs) / len(labels)
	sums := make([][]float64, (classes+classSpan-1)/classSpan)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(sums)) {
		group.Go(func() {
			for span := int(next.Add(1)) - 1; span < len(sums); span = int(next.Add(1)) - 1 {
				first := span * classSpan
				sums[span] = spanContributions(probs, labels, first, min(classes, first+classSpan))
			}
		})
	}
	group.Wait()
	total := make([]float64, len(labels))
	for _, sum := range sums {
		for i, x := range sum {
			total[i] += x * float64(len(labels)) / float64(classes)
		}
	}
	return total
}

// spanContributions adds up those of the classes [first, end).
func spanContributions(probs []float32, labels []int32, first, end int) []float64 {
	n, classes := len(labels), len(probs)/len(labels)
	columns := make([]float32, (end-first)*n)
	for i := range n {
		for k, p := range probs[i*classes+first : i*classes+end] {
			columns[k*n+i] = p
		}
	}
	sums := make([]float64, n)
	sorted := make([]float32, 0, n)
	for k := range end - first {
		sorted = addClass(sums, columns[k*n:(k+1)*n], labels, int32(first+k), sorted[:0])
	}
	return sums
}

// addClass adds the contributions of one class. It gives back the room that it
// sorted in.
func addClass(sums []float64, probs []float32, labels []int32, class int32, sorted []float32) []float32 {
	for _, p := range probs {
		if p > 0 {
			sorted = append(sorted, p)
		}
	}
	if len(sorted) == 0 {
		return sorted
	}
	slices.Sort(sorted)
	upper := adaptiveBounds(sorted)
	var gaps [adaptiveBins + 1]float64
	bin := 0
	for _, p := range sorted {
		for bin < adaptiveBins && p >= upper[bin] {
			bin++
		}
		gaps[bin] -= float64(p)
	}
	for i, label := range labels {
		if label == class && probs[i] > 0 {
			gaps[binOf(probs[i], &upper)]++
		}
	}
	n := float64(len(sorted))
	for i, p := range probs {
		if p == 0 {
			continue
		}
		gap := -float64(p)
		if labels[i] == class {
			gap++
		}
		if gaps[binOf(p, &upper)] < 0 {
			gap = -gap
		}
		sums[i] += gap / n
	}
	return sorted
}

// adaptiveBounds are the upper bounds of the bins but the last, as
// calibration_error of package metrics has them: the value at each fifteenth,
// rounded to the nearest place, then 1.
func adaptiveBounds(sorted []float32) (upper [adaptiveBins]float32) {
	n := len(sorted)
	for i := 1; i < adaptiveBins; i++ {
		place := (2*i*n + adaptiveBins) / (2 * adaptiveBins)
		upper[i-1] = sorted[min(place, n-1)]
	}
	upper[adaptiveBins-1] = 1
	return upper
}

// binOf is the first bin whose upper bound is above p.
func binOf(p float32, upper *[adaptiveBins]float32) int {
	bin := 0
	for bin < adaptiveBins && p >= upper[bin] {
		bin++
	}
	return bin
}
