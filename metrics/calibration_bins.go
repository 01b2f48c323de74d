package metrics

import (
	"fmt"
	"math"
	"strings"
)

const (
	// evenBins divide [0, 1); confidence 1 has a bin of its own after them,
	// as in torchmetrics' MulticlassCalibrationError.
	evenBins = 15
	allBins  = evenBins + 1
)

// binEdges are the lower edges of the bins, rounded as torch.linspace does in
// float32: from 0 upwards in the lower half, from 1 downwards in the upper.
var binEdges = func() (edges [allBins]float32) {
	step := float32(1) / evenBins
	for i := range edges {
		if i < allBins/2 {
			edges[i] = step * float32(i)
			continue
		}
		edges[i] = 1 - float32(step*float32(evenBins-i))
	}
	return edges
}()

// calibrationBins tallies top-1 predictions by confidence.
type calibrationBins [allBins]calibrationBin

type calibrationBin struct {
	count, hits int64
	confidence  float64 // sum
}

func (b *calibrationBins) add(confidence float32, hit bool) {
	i := allBins - 1
	for confidence < binEdges[i] {
		i--
	}
	b[i].add(confidence, hit)
}

func (b *calibrationBin) add(confidence float32, hit bool) {
	b.count++
	b.confidence += float64(confidence)
	if hit {
		b.hits++
	}
}

// gap is |accuracy - mean confidence| times the count.
func (b calibrationBin) gap() float64 { return math.Abs(float64(b.hits) - b.confidence) }

// expectedError is the ECE: the gaps of the bins, weighted by their counts.
func (b *calibrationBins) expectedError() float64 {
	gaps, n := 0.0, int64(0)
	for _, bin := range b {
		gaps += bin.gap()
		n += bin.count
	}
	return gaps / float64(n)
}

func (b *calibrationBins) parts() []Part {
	var parts []Part
	for i, bin := range b {
		name := binName(i)
		parts = append(parts, Part{Name: name + "count", Value: float64(bin.count), N: bin.count})
		if bin.count == 0 {
			continue
		}
		n := float64(bin.count)
		parts = append(parts,
			Part{Name: name + "accuracy", Value: float64(bin.hits) / n, N: bin.count},
			Part{Name: name + "confidence", Value: bin.confidence / n, N: bin.count})
	}
	return parts
}

const binPrefix = "bin"

func binName(i int) string { return fmt.Sprintf("%s%02d_", binPrefix, i) }

// ReliabilityBin is a bin of a reliability diagram: predictions whose
// confidence is at least Lower and below Upper, but for the last, which is
// confidence 1 alone.
type ReliabilityBin struct {
	Lower, Upper float32
	Count        int64
	// Accuracy and Confidence are means in [0, 1], 0 when Count is.
	Accuracy, Confidence float64
}

// Gap is |Accuracy - Confidence|. The ECE is its mean over the bins, weighted
// by their counts.
func (b ReliabilityBin) Gap() float64 { return math.Abs(b.Accuracy - b.Confidence) }

// ReliabilityBins finds the bins among the parts of a calibration error and
// gives back the other parts. There are no bins unless all are there.
func ReliabilityBins(parts []Part) (bins []ReliabilityBin, rest []Part) {
	values := map[string]float64{}
	for _, p := range parts {
		if strings.HasPrefix(p.Name, binPrefix) {
			values[p.Name] = p.Value
			continue
		}
		rest = append(rest, p)
	}
	for i := range allBins {
		name := binName(i)
		count, ok := values[name+"count"]
		if !ok {
			return nil, parts
		}
		bins = append(bins, ReliabilityBin{
			Lower: binEdges[i], Upper: binEdges[min(i+1, allBins-1)], Count: int64(count),
			Accuracy: values[name+"accuracy"], Confidence: values[name+"confidence"],
		})
	}
	return bins, rest
}
