package uncertainty

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// overconfident has n samples whose true class is less probable than a model
// says.
func overconfident(n, classes int) (probs []float32, labels []int32) {
	random := rand.New(rand.NewPCG(11, 12))
	for range n {
		label := random.IntN(classes)
		said := random.IntN(classes)
		if random.IntN(10) < 6 {
			said = label
		}
		rest := 0.05 + 0.3*random.Float32()
		for k := range classes {
			p := rest / float32(classes-1)
			if k == said {
				p = 1 - rest
			}
			probs = append(probs, p)
		}
		labels = append(labels, int32(label))
	}
	return probs, labels
}

// TestLinearisedACE compares its spread over draws with that of the ACE binned
// anew in every draw.
func TestLinearisedACE(t *testing.T) {
	const n, classes, draws = 1500, 4, 150
	probs, labels := overconfident(n, classes)
	contributions := adaptiveContributions(probs, labels)
	set := imagesOf(n)
	d := newDraw([]*images{set})
	streams := streamsOf([]*images{set}, 1)
	var linear, exact []float64
	for b := range draws {
		d.poisson(streams, b)
		sum := 0.0
		var again []float32
		var labelsAgain []int32
		for i, weight := range d[0].each {
			sum += float64(weight) * contributions[i]
			for range weight {
				again = append(again, probs[i*classes:(i+1)*classes]...)
				labelsAgain = append(labelsAgain, labels[i])
			}
		}
		linear = append(linear, sum/float64(d[0].total))
		exact = append(exact, stat.Mean(adaptiveContributions(again, labelsAgain), nil))
	}
	want := stat.StdDev(exact, nil)
	if got := stat.StdDev(linear, nil); math.Abs(got/want-1) > 0.25 {
		t.Errorf("standard error %v, of the ACE itself %v", got, want)
	}
	if r := stat.Correlation(linear, exact, nil); r < 0.8 {
		t.Errorf("the draws correlate with those of the ACE itself by %v", r)
	}
	if mean, value := stat.Mean(linear, nil), stat.Mean(contributions, nil); math.Abs(mean-value) > 4*want/math.Sqrt(draws) {
		t.Errorf("the draws lie around %v, the ACE is %v", mean, value)
	}
}
