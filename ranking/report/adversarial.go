package report

import "quba/metrics"

func init() { register("adversarial_robustness", adversarial) }

// adversarial lists the curve of each attack: accuracy before and after at each
// eps, their ratio, and the norms of the change in pixel values of 0..1.
func adversarial(s Subject) (Table, error) {
	points, rest := metrics.AttackPoints(s.Value.Parts)
	if len(points) == 0 {
		return Table{}, nil
	}
	t := Table{
		Columns: []string{"attack", "eps", "n", "before", "after", "ratio", "linf_mean", "linf_max", "l2_mean", "l2_max"},
		Rest:    rest,
		Notes:   []string{"eps is in 1/255, for pgd_l2 in pixel values of 0..1, as are the norms"},
	}
	for _, p := range points {
		t.add(p.Attack, p.Eps, p.N, p.Before, p.After, p.Ratio, p.LinfMean, p.LinfMax, p.L2Mean, p.L2Max)
	}
	return t, nil
}
