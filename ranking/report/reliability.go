package report

import "quba/metrics"

func init() { register("calibration_error", reliability) }

// reliability lists the bins of the reliability diagram. The ECE is the mean
// of the gaps weighted by the counts. The last bin is confidence 1 alone.
func reliability(s Subject) (Table, error) {
	bins, rest := metrics.ReliabilityBins(s.Value.Parts)
	t := Table{Columns: []string{"lower", "upper", "count", "confidence", "accuracy", "gap"}, Rest: rest}
	for _, b := range bins {
		if b.Count == 0 {
			t.add(b.Lower, b.Upper, b.Count, nil, nil, nil)
			continue
		}
		t.add(b.Lower, b.Upper, b.Count, b.Confidence, b.Accuracy, b.Gap())
	}
	return t, nil
}
