package record

import "math"

// Output says what the numbers of a classifier are.
type Output uint8

const (
	// Logits are unnormalised scores; softmax turns them into probabilities.
	Logits Output = iota
	// Probabilities already went through softmax and must not go again.
	Probabilities
)

// Prediction is what a record says about one classifier output.
type Prediction struct {
	Top1       int32
	Confidence float32
	PTrue      float32 // 0 without a label
	TrueRank   int32   // -1 without a label
	Loss       float32 // 0 without a label
	Correct    bool
}

// Predict summarises one output row and writes the class probabilities into
// probs, which must be as long as output. label may be NoClass.
//
// Probabilities are float32 with gradual underflow, as torch.softmax gives
// them on float32 logits. Top-1 is the first maximum of the output itself, so
// that it does not depend on softmax's rounding.
func Predict(output []float32, kind Output, label int32, probs []float32) Prediction {
	best := 0
	for i, v := range output {
		if v > output[best] {
			best = i
		}
	}
	p := Prediction{Top1: int32(best), TrueRank: -1}
	logSum := fillProbabilities(output, kind, output[best], probs)
	p.Confidence = probs[best]
	if label < 0 || int(label) >= len(output) {
		return p
	}
	p.Correct = p.Top1 == label
	p.PTrue = probs[label]
	p.TrueRank = rankOf(output, int(label))
	if kind == Logits {
		p.Loss = float32(logSum - float64(output[label]))
	} else {
		p.Loss = lossOf(p.PTrue)
	}
	return p
}

// fillProbabilities returns log(sum(exp(output))) for logits, 0 otherwise.
func fillProbabilities(output []float32, kind Output, highest float32, probs []float32) float64 {
	if kind == Probabilities {
		copy(probs, output)
		return 0
	}
	sum := 0.0
	for _, v := range output {
		sum += math.Exp(float64(v) - float64(highest))
	}
	for i, v := range output {
		// Rounded to float32 once, after the division: small ones become
		// subnormal instead of 0.
		probs[i] = float32(math.Exp(float64(v)-float64(highest)) / sum)
	}
	return float64(highest) + math.Log(sum)
}

// rankOf counts the classes that come before label: higher ones, and equal
// ones of a lower index.
func rankOf(output []float32, label int) int32 {
	rank := int32(0)
	for i, v := range output {
		if v > output[label] || (v == output[label] && i < label) {
			rank++
		}
	}
	return rank
}
