// Package rankingtest has cohorts for the tests of what shows a ranking.
package rankingtest

import (
	"fmt"
	"maps"

	"quba/metrics"
	"quba/ranking"
)

// Hostile is a name that would run if anything took it for markup.
const Hostile = `<script>alert("x")</script><img src=x onerror=alert(1)>` + "\u2028&amp;'\"`"

// HostileCohort has one model whose every text is Hostile.
func HostileCohort() ranking.Cohort {
	return ranking.Cohort{
		Notes: []string{Hostile},
		Models: []ranking.Model{{
			Name: Hostile, Source: Hostile, SHA256: Hostile, Labels: map[string]string{Hostile: Hostile},
			Values: map[string]ranking.Value{
				"accuracy": {Value: 0.5, Note: Hostile, Parts: []metrics.Part{{Name: Hostile, Value: 1}}},
				Hostile:    {Value: 0.25, Note: Hostile},
			},
		}},
	}
}

// FullCohort has models with the parts of each metric that has a figure, one
// for each name.
func FullCohort(names ...string) ranking.Cohort {
	c := ranking.Cohort{Protocol: metrics.Standard, Notes: []string{"a composed set, not the published one"}}
	published := ranking.Published().Models
	for k, name := range names {
		row := published[40*k%len(published)]
		m := ranking.Model{Name: name, Labels: map[string]string{"family": []string{"a", "a", "b"}[k%3]}, Values: maps.Clone(row.Values), Source: fmt.Sprintf("table.csv:%d", k+2)}
		addParts(&m, float64(k))
		c.Models = append(c.Models, m)
	}
	return c
}

// addParts gives the k-th model parts of its own.
func addParts(m *ranking.Model, k float64) {
	for metric, parts := range map[string][]metrics.Part{
		"corruption_robustness":  corruptionParts(k),
		"shape_bias":             shapeParts(k),
		"calibration_error":      calibrationParts(k),
		"adversarial_robustness": attackParts(k),
	} {
		v := m.Values[metric]
		v.Parts, v.Origin.Metric = parts, metric
		m.Values[metric] = v
	}
}

func corruptionParts(k float64) (parts []metrics.Part) {
	scored, _ := metrics.CorruptionNames()
	for i, name := range scored {
		relative := 1 - float64(i)/20 - k/100
		parts = append(parts, metrics.Part{Name: name, Value: relative})
		for severity := range 5 {
			parts = append(parts, metrics.Part{Name: fmt.Sprintf("%s/%d", name, severity+1), Value: relative * (1 - float64(severity)/8), N: 100})
		}
	}
	return parts
}

func shapeParts(k float64) (parts []metrics.Part) {
	for _, p := range metrics.HumanShapeBias().Parts {
		parts = append(parts, metrics.Part{Name: p.Name, Value: p.Value * (0.3 + k/50), N: 80})
	}
	return parts
}

func calibrationParts(k float64) (parts []metrics.Part) {
	parts = append(parts, metrics.Part{Name: "ece", Value: 0.02 + k/1000, N: 160})
	for i := range 16 {
		at := (float64(i) + 0.5) / 16
		parts = append(parts,
			metrics.Part{Name: fmt.Sprintf("bin%02d_count", i), Value: float64(4 + 3*i)},
			metrics.Part{Name: fmt.Sprintf("bin%02d_accuracy", i), Value: at * (1 - k/100)},
			metrics.Part{Name: fmt.Sprintf("bin%02d_confidence", i), Value: at},
		)
	}
	return parts
}

func attackParts(k float64) (parts []metrics.Part) {
	for _, attack := range []string{"fgsm", "pgd"} {
		for i, eps := range []string{"0.25", "1", "8"} {
			name := attack + "/eps_" + eps
			after := 0.7 / float64(i+1) / (1 + k/20)
			parts = append(parts, metrics.Part{Name: name, Value: after / 0.8, N: 50}, metrics.Part{Name: name + "/before", Value: 0.8, N: 50}, metrics.Part{Name: name + "/after", Value: after, N: 50})
			for _, key := range []string{"linf_mean", "linf_max", "l2_mean", "l2_max"} {
				parts = append(parts, metrics.Part{Name: name + "/" + key, Value: 0.5, N: 50})
			}
		}
	}
	return parts
}
