package html_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quba/pipeline/record"
	"quba/ranking"
	"quba/ranking/html"
	"quba/ranking/rankingtest"
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

// hostile is a name that would run if anything took it for markup.
const hostile = rankingtest.Hostile

// fullCohort has every section of the page.
func fullCohort() ranking.Cohort {
	return rankingtest.FullCohort("able", "baker", "charlie with a name that is a good deal longer than others")
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
	c := fullCohort()
	if !bytes.Equal(pageOf(t, c, html.Options{}), pageOf(t, c, html.Options{})) {
		t.Error("two writes differ")
	}
}

// No text ends a block, so that all of it is data.
func TestTextIsEscaped(t *testing.T) {
	page := string(pageOf(t, rankingtest.HostileCohort(), html.Options{Title: hostile, Ranking: ranking.Options{AllowPartial: true}}))
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
	page := string(pageOf(t, c, html.Options{Ranking: ranking.Options{AllowPartial: true}}))
	for _, want := range []string{folder, "complete", "<dt>seed</dt><dd>7</dd>", "data set of clean", "c0bd", "model gone failed: no such file", "sketch was left out: not there"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	check(t, os.WriteFile(filepath.Join(folder, record.RunFile), []byte(`{`), 0o666))
	if _, err := html.New(c, html.Options{Ranking: ranking.Options{AllowPartial: true}}); err == nil || !strings.Contains(err.Error(), record.RunFile) {
		t.Errorf("a damaged %s: %v", record.RunFile, err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := html.New(ranking.Cohort{}, html.Options{}); err == nil {
		t.Error("a page of no models")
	}
	if _, err := html.New(ranking.Published(), html.Options{Ranking: ranking.Options{Weights: ranking.Weights{"acuracy": 1}}}); err == nil || !strings.Contains(err.Error(), "acuracy") {
		t.Errorf("got %v", err)
	}
}
