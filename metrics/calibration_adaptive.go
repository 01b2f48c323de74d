package metrics

import (
	"math"
	"sync"
	"sync/atomic"
)

// blockValues is how many probabilities one worker holds at a time: 4 MB, or
// one class where that is more.
const blockValues = 1 << 20

// adaptiveWorkers is how many goroutines share the classes.
const adaptiveWorkers = 2

// adaptiveCalibrationError is the mean over classes of the class-conditional
// calibration error with bins of equal counts. The sum runs in the order of
// the classes, whatever worker took which.
func adaptiveCalibrationError(s *probabilityStore) (float64, error) {
	if s.err != nil {
		return 0, s.err
	}
	classErrors := make([]float64, s.classes)
	var next atomic.Int64
	var failures [adaptiveWorkers]error
	var group sync.WaitGroup
	for w := range adaptiveWorkers {
		group.Go(func() { failures[w] = foldClasses(s, &next, classErrors) })
	}
	group.Wait()
	for _, err := range failures {
		if err != nil {
			return 0, err
		}
	}
	sum := 0.0
	for _, e := range classErrors {
		sum += e
	}
	return sum / float64(s.classes), nil
}

// foldClasses takes blocks of classes from next until none is left.
func foldClasses(s *probabilityStore, next *atomic.Int64, classErrors []float64) error {
	rows := s.rows()
	block := min(max(1, blockValues/rows), s.classes)
	values := make([]float32, block*rows)
	buffer := make([]byte, s.bufferSize(block))
	sorter := newProbabilitySorter(rows)
	for {
		first := int(next.Add(int64(block))) - block
		if first >= s.classes {
			return nil
		}
		count := min(block, s.classes-first)
		if err := s.read(first, count, values, buffer); err != nil {
			return err
		}
		for k := range count {
			class := first + k
			classErrors[class] = classCalibrationError(values[k*rows:(k+1)*rows], s.labels, int32(class), sorter)
		}
	}
}

// classCalibrationError is the error of one class over the samples that give
// it a probability above 0; it is 0 where none does.
func classCalibrationError(probs []float32, labels []int32, class int32, sorter *probabilitySorter) float64 {
	sorted := sorter.positive(probs)
	if len(sorted) == 0 {
		return 0
	}
	upper := adaptiveBounds(sorted)
	var bins [allBins]calibrationBin
	i := 0
	for _, p := range sorted {
		for p >= upper[i] {
			i++
		}
		bins[i].add(p, false)
	}
	for row, label := range labels {
		if label == class && probs[row] > 0 {
			bins[adaptiveBin(probs[row], &upper)].hits++
		}
	}
	gaps := 0.0
	for _, bin := range bins {
		gaps += bin.gap()
	}
	return gaps / float64(len(sorted))
}

// adaptiveBounds returns the upper bounds of the bins, which divide the
// sorted values into equal counts: the value at each fifteenth, rounded to
// the nearest place, then 1, and above that the bin of 1 alone.
func adaptiveBounds(sorted []float32) (upper [allBins]float32) {
	n := len(sorted)
	for i := 1; i < evenBins; i++ {
		// i*n/15 is never half way between two places.
		place := (2*i*n + evenBins) / (2 * evenBins)
		upper[i-1] = sorted[min(place, n-1)]
	}
	upper[evenBins-1] = 1
	upper[evenBins] = float32(math.Inf(1))
	return upper
}

// adaptiveBin is the first bin with p below its upper bound: of equal bounds
// the values on them all go to the highest bin.
func adaptiveBin(p float32, upper *[allBins]float32) int {
	i := 0
	for p >= upper[i] {
		i++
	}
	return i
}
