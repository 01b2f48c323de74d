package html_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quba/metrics"
	"quba/pipeline/record"
	"quba/ranking"
	"quba/ranking/html"
)

func pageOf(t *testing.T, c ranking.Cohort, o html.Options) []byte {
	t.Helper()
	p, err := html.New(c, o)
	check(t, err)
	var out bytes.Buffer
	check(t, p.Write(&out))
	return out.Bytes()
}

func without(m ranking.Model, dimension string) ranking.Model {
	m.Values = maps.Clone(m.Values)
	delete(m.Values, dimension)
	return m
}

func incomplete(m ranking.Model, dimension string) ranking.Model {
	m.Values = maps.Clone(m.Values)
	v := m.Values[dimension]
	v.Partial = true
	m.Values[dimension] = v
	return m
}

func hostileCohort() ranking.Cohort {
	return ranking.Cohort{
		Notes: []string{hostile},
		Models: []ranking.Model{{
			Name: hostile, Source: hostile, SHA256: hostile, Labels: map[string]string{hostile: hostile},
			Values: map[string]ranking.Value{
				"accuracy": {Value: 0.5, Note: hostile, Parts: []metrics.Part{{Name: hostile, Value: 1}}},
				hostile:    {Value: 0.25, Note: hostile},
			},
		}},
	}
}

// fullCohort has every section of the page: three models with the parts of
// each metric that has a figure.
func fullCohort(t *testing.T) ranking.Cohort {
	t.Helper()
	c := ranking.Cohort{Protocol: "standard", Notes: []string{"a composed set, not the published one"}}
	for k, name := range []string{"able", "baker", "charlie with a name that is a good deal longer than others"} {
		m := ranking.Published().Models[40*k]
		m = ranking.Model{Name: name, Labels: map[string]string{"family": []string{"a", "a", "b"}[k]}, Values: maps.Clone(m.Values), Source: m.Source}
		addParts(&m, float64(k))
		c.Models = append(c.Models, m)
	}
	return c
}

func addParts(m *ranking.Model, k float64) {
	parts := map[string][]metrics.Part{}
	scored, _ := metrics.CorruptionNames()
	for i, name := range scored {
		relative := 1 - float64(i)/20 - k/10
		parts["corruption_robustness"] = append(parts["corruption_robustness"], metrics.Part{Name: name, Value: relative})
		for severity := range 5 {
			parts["corruption_robustness"] = append(parts["corruption_robustness"], metrics.Part{Name: name + "/" + string(rune('1'+severity)), Value: relative * (1 - float64(severity)/8), N: 100})
		}
	}
	for _, p := range metrics.HumanShapeBias().Parts {
		parts["shape_bias"] = append(parts["shape_bias"], metrics.Part{Name: p.Name, Value: p.Value * (0.3 + k/10), N: 80})
	}
	for i := range 16 {
		for key, v := range map[string]float64{"count": 10, "accuracy": float64(i) / 16, "confidence": (float64(i) + 0.5) / 16} {
			parts["calibration_error"] = append(parts["calibration_error"], metrics.Part{Name: fmt.Sprintf("bin%02d_%s", i, key), Value: v})
		}
	}
	for _, eps := range []string{"0.25", "1", "8"} {
		point := metrics.Part{Name: "pgd/eps_" + eps, Value: 0.8 / float64(len(eps)), N: 50}
		parts["adversarial_robustness"] = append(parts["adversarial_robustness"], point)
		for _, key := range []string{"before", "after", "linf_mean", "linf_max", "l2_mean", "l2_max"} {
			parts["adversarial_robustness"] = append(parts["adversarial_robustness"], metrics.Part{Name: point.Name + "/" + key, Value: 0.5, N: 50})
		}
	}
	for name, p := range parts {
		v := m.Values[name]
		v.Parts, v.Origin.Metric = p, name
		m.Values[name] = v
	}
}

// The page fetches nothing and stays small.
func TestPageIsSelfContained(t *testing.T) {
	page := pageOf(t, ranking.Published(), html.Options{Published: true})
	if len(page) > 2<<20 {
		t.Errorf("the page has %d bytes, want at most 2 MiB", len(page))
	}
	if found := regexp.MustCompile(`<(link|script|img|iframe|object)[^>]*(src|href)="(?:[^d]|d[^a])`).Find(page); found != nil {
		t.Errorf("the page names %s", found)
	}
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindSubmatch(page)
	if policy == nil || strings.Contains(string(policy[1]), "unsafe") || !strings.Contains(string(policy[1]), "default-src &#39;none&#39;") {
		t.Errorf("the policy is %s", policy)
	}
}

func TestSameBytes(t *testing.T) {
	c := fullCohort(t)
	if !bytes.Equal(pageOf(t, c, html.Options{}), pageOf(t, c, html.Options{})) {
		t.Error("two writes differ")
	}
}

// No text ends a block, so that all of it is data.
func TestTextIsEscaped(t *testing.T) {
	page := string(pageOf(t, hostileCohort(), html.Options{Title: hostile, AllowPartial: true}))
	for _, raw := range []string{"<script>alert", "<img"} {
		if strings.Contains(page, raw) {
			t.Errorf("the page has %q as it is", raw)
		}
	}
	data := regexp.MustCompile(`(?s)id="data">(.*?)</script>`).FindStringSubmatch(page)
	if data == nil || !json.Valid([]byte(data[1])) || strings.ContainsAny(data[1], "<>&\u2028") {
		t.Errorf("the data is %s", data)
	}
}

// The style that Observable Plot adds to figures is the one that the policy
// allows.
func TestPolicyAllowsTheStyleOfPlot(t *testing.T) {
	library, err := os.ReadFile(filepath.Join("third_party", "plot.min.js"))
	check(t, err)
	style, err := os.ReadFile(filepath.Join("assets", "plot.css"))
	check(t, err)
	written, err := json.Marshal(string(style))
	check(t, err)
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.Trim(string(written), `"`)), "plot-d6a7b5", `\$\{\w+\}`)
	if !regexp.MustCompile(pattern).Match(library) {
		t.Error("assets/plot.css is not in the library; take it from there anew")
	}
}

func TestProvenance(t *testing.T) {
	folder := t.TempDir()
	check(t, os.WriteFile(filepath.Join(folder, record.RunFile), []byte(`{"status": "complete", "images": 12, "bad": 0,
		"failed_models": [{"name": "gone", "error": "no such file"}], "left_out": [{"pipeline": "sketch", "reason": "not there"}],
		"provenance": {"quba.seed": "7", "quba.datasets": "{\"clean\":\"c0bd\"}"}}`), 0o666))
	c := ranking.Cohort{Models: []ranking.Model{{Name: "m", Source: folder, Values: map[string]ranking.Value{"accuracy": {Value: 0.5, Origin: ranking.Origin{Source: folder}}}}}}
	page := string(pageOf(t, c, html.Options{AllowPartial: true}))
	for _, want := range []string{folder, "complete", "<dt>seed</dt><dd>7</dd>", "data set of clean", "c0bd", "model gone failed: no such file", "sketch was left out: not there"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	check(t, os.WriteFile(filepath.Join(folder, record.RunFile), []byte(`{`), 0o666))
	if _, err := html.New(c, html.Options{AllowPartial: true}); err == nil || !strings.Contains(err.Error(), record.RunFile) {
		t.Errorf("a damaged %s: %v", record.RunFile, err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := html.New(ranking.Cohort{}, html.Options{}); err == nil {
		t.Error("a page of no models")
	}
	if _, err := html.New(ranking.Published(), html.Options{Weights: ranking.Weights{"acuracy": 1}}); err == nil || !strings.Contains(err.Error(), "acuracy") {
		t.Errorf("got %v", err)
	}
}
