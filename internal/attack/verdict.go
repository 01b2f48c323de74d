package attack

import (
	"math"
	"slices"
)

// verdict is how an image fares with the classifier.
type verdict struct {
	wrong bool
	loss  float64
}

func judge(logits []float32, label int64, loss float64) verdict {
	return verdict{wrong: !isCorrect(logits, label), loss: loss}
}

// worseThan orders by the decision first: among many classes a wrong one can
// have a lower loss than a right one.
func (v verdict) worseThan(other verdict) bool {
	if v.wrong != other.wrong {
		return v.wrong
	}
	return v.loss > other.loss
}

// isCorrect takes the first maximum, as records do.
func isCorrect(logits []float32, label int64) bool {
	z := logits[label]
	for k, other := range logits {
		if other > z || other == z && int64(k) < label {
			return false
		}
	}
	return true
}

// margin is how much the label's logit is above the best other one.
func margin(logits []float32, label int64) float32 {
	best := float32(math.Inf(-1))
	for k, z := range logits {
		if int64(k) != label {
			best = max(best, z)
		}
	}
	return logits[label] - best
}

// crossEntropy is in nats.
func crossEntropy(logits []float32, label int64) float64 {
	top := float64(slices.Max(logits))
	sum := 0.0
	for _, z := range logits {
		sum += math.Exp(float64(z) - top)
	}
	return top + math.Log(sum) - float64(logits[label])
}
