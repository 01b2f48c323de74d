package figures_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"quba/ranking"
	"quba/ranking/figures"
	"quba/ranking/rankingtest"
	"quba/ranking/uncertainty"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// drawn makes the figures and keeps pictures of them in the folder
// REPORT_PICTURES, for people to look at.
func drawn(t *testing.T, c ranking.Cohort, o figures.Options) figures.Set {
	t.Helper()
	set, err := figures.New(c, o)
	check(t, err)
	if folder := os.Getenv("REPORT_PICTURES"); folder != "" {
		for _, f := range set.Figures {
			for _, format := range []string{"png", "pdf"} {
				name := strings.ReplaceAll(t.Name(), "/", "-") + "-" + f.Name + "." + format
				check(t, os.WriteFile(filepath.Join(folder, name), written(t, f, format), 0o666))
			}
		}
	}
	return set
}

func written(t *testing.T, f figures.Figure, format string) []byte {
	t.Helper()
	var out bytes.Buffer
	check(t, f.Write(&out, format))
	return out.Bytes()
}

func names(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("model_%02d", i+1))
	}
	return all
}

// withUncertainty gives each model intervals and rank sets.
func withUncertainty(t *testing.T, c ranking.Cohort) *uncertainty.Result {
	t.Helper()
	r, err := ranking.QUBA(c, ranking.Options{})
	check(t, err)
	u := &uncertainty.Result{Draws: 2000, Level: 0.95, DataSets: []uncertainty.DataSet{{Name: "sha256:0", Images: 100}}}
	around := func(v, by float64) uncertainty.Interval {
		return uncertainty.Interval{Value: v, Low: v - by, High: v + by, Method: uncertainty.BCa}
	}
	for _, m := range r.Models {
		one := uncertainty.Model{Model: m.Name, Source: m.Source, Dimensions: map[string]uncertainty.Interval{}}
		for name, v := range m.Values {
			one.Dimensions[name] = around(v.Value, 0.01)
		}
		if m.Scored {
			quba := around(m.QUBA, 0.15)
			one.Rank, one.QUBA = m.Rank, &quba
			one.Simultaneous = &uncertainty.RankSet{Low: max(1, m.Rank-1), High: min(len(r.Models), m.Rank+2)}
		}
		u.Models = append(u.Models, one)
	}
	u.Standardised = [][][]float64{standardised(r), standardised(r)}
	return u
}

// standardised are the values of the ranked models, as a draw gives them.
func standardised(r ranking.Ranking) [][]float64 {
	var rows [][]float64
	for _, m := range r.Models {
		if !m.Scored {
			continue
		}
		var row []float64
		for _, d := range r.Used {
			row = append(row, m.Z[d.Name])
		}
		rows = append(rows, row)
	}
	return rows
}

// kinds are the names of figures without what tells those of a kind apart.
func kinds(set figures.Set) []string {
	var all []string
	for _, f := range set.Figures {
		kind := regexp.MustCompile(`^(corruptions|acceptability).*`).ReplaceAllString(f.Name, "$1")
		if !slices.Contains(all, kind) {
			all = append(all, kind)
		}
	}
	return all
}

var everyKind = []string{"ranking", "scatter", "acceptability", "correlation", "corruptions", "reliability", "shape-bias", "attacks"}

// Whatever the number of models, nothing is cut off at the edges, and the
// figure is as wide as a column or a page.
func TestSizes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]string{
		1:  {"ranking", "scatter", "corruptions", "reliability", "shape-bias", "attacks"},
		2:  {"ranking", "scatter", "acceptability", "corruptions", "reliability", "shape-bias", "attacks"},
		4:  everyKind,
		30: everyKind,
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := rankingtest.FullCohort(names(n)...)
			set := drawn(t, c, figures.Options{Uncertainty: withUncertainty(t, c), Published: ranking.Published().Models})
			if got := kinds(set); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			for i, f := range set.Figures {
				if width := f.Width.Points() / vg.Millimeter.Points(); math.Abs(width-85) > 1e-9 && math.Abs(width-180) > 1e-9 {
					t.Errorf("%s is %v mm wide", f.Name, width)
				}
				if height := f.Height.Points() / vg.Millimeter.Points(); height < 10 || height > 260 {
					t.Errorf("%s is %v mm high", f.Name, height)
				}
				if i < 8 || strings.HasPrefix(f.Name, "corruptions-30") || !strings.HasPrefix(f.Name, "corruptions") {
					hasWhiteEdge(t, f)
				}
			}
		})
	}
}

// hasWhiteEdge says that nothing reaches the edge of the picture.
func hasWhiteEdge(t *testing.T, f figures.Figure) {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(written(t, f, "png")))
	check(t, err)
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if x == 4 && y > 4 && y < b.Max.Y-5 {
				x = b.Max.X - 4
			}
			if r, g, bl, _ := m.At(x, y).RGBA(); r != 0xffff || g != 0xffff || bl != 0xffff {
				t.Errorf("%s has ink at %d,%d of %v", f.Name, x, y, b.Max)
				return
			}
		}
	}
}

// textsOf are the texts of a figure, which must be well-formed XML.
func textsOf(t *testing.T, f figures.Figure) []string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(written(t, f, "svg")))
	var texts []string
	inText := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		check(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			if inText = token.Name.Local == "text"; inText {
				texts = append(texts, "")
			}
			if name := token.Name.Local; name == "script" || name == "image" || name == "a" {
				t.Errorf("%s has the element %s", f.Name, name)
			}
		case xml.CharData:
			if inText {
				texts[len(texts)-1] += string(token)
			}
		case xml.EndElement:
			inText = false
		}
	}
}

// Axes, labels, legends and numbers are there as text.
func TestTexts(t *testing.T) {
	t.Parallel()
	c := rankingtest.FullCohort("able", "baker", "charlie", "delta")
	set := drawn(t, c, figures.Options{Uncertainty: withUncertainty(t, c), X: "parameters", Y: "calibration_error", Published: ranking.Published().Models})
	want := map[string][]string{
		"ranking":               {"able", "delta", "QUBA score with 95% interval", "Rank among 4 with simultaneous 95% set", "1", "4"},
		"scatter":               {"able", "published models", "Parameters, millions (lower is better)", "Calibration error (lower is better)"},
		"acceptability-uniform": {"able", "Weights: uniform; images drawn again", "Rank", "Draws, %", "100"},
		"correlation":           {"Accuracy", "OOD robustness", "Spearman correlation", "−.20", "1.00"},
		"corruptions-01-delta":  {"delta", "Gaussian noise", "JPEG compression", "Severity", "Accuracy", ".97"},
		"reliability":           {"able, ECE 0.020", "Confidence", "Accuracy", "0.25"},
		"shape-bias":            {"able", "people (Geirhos et al. 2019)", "Airplane", "Truck", "Shape bias (0 texture, 1 shape)"},
		"attacks":               {"able", "FGSM", "PGD", "Size of the change, 1/255", "0.25", "8"},
		"corruptions-04-able":   {"able"},
		"acceptability-in-the-order-of-the-given-weights": {"able"},
	}
	for name, texts := range want {
		at := slices.IndexFunc(set.Figures, func(f figures.Figure) bool { return f.Name == name })
		if at < 0 {
			t.Errorf("there is no figure %s", name)
			continue
		}
		got := textsOf(t, set.Figures[at])
		for _, text := range texts {
			if !slices.Contains(got, text) {
				t.Errorf("%s has no text %q; it has %q", name, text, got)
			}
		}
	}
}

func TestSameBytes(t *testing.T) {
	t.Parallel()
	c := rankingtest.FullCohort(names(3)...)
	once, again := drawn(t, c, figures.Options{}), drawn(t, c, figures.Options{})
	for i, f := range once.Figures {
		for _, format := range figures.Formats() {
			if !bytes.Equal(written(t, f, format), written(t, again.Figures[i], format)) {
				t.Errorf("two writes of %s.%s differ", f.Name, format)
			}
		}
	}
}

// Fonts are inside, no file tells when it was made, and PNG knows its size.
func TestFiles(t *testing.T) {
	t.Parallel()
	f := drawn(t, rankingtest.FullCohort("able", "naïve 模型"), figures.Options{}).Figures[0]
	svg, pdf, picture := written(t, f, "svg"), written(t, f, "pdf"), written(t, f, "png")
	if !bytes.Contains(svg, []byte("@font-face")) || !bytes.Contains(svg, []byte("naïve 模型")) {
		t.Error("the SVG has no font, or not the name")
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.Contains(pdf, []byte("/FontFile2")) || !bytes.Contains(pdf, []byte("(D:19700101000000")) {
		t.Error("the PDF has no font, or a date")
	}
	header, err := png.DecodeConfig(bytes.NewReader(picture))
	check(t, err)
	if want := f.Width.Points() / 72 * 300; math.Abs(float64(header.Width)-want) > 1 {
		t.Errorf("the PNG is %d dots wide, want %v", header.Width, want)
	}
	if !bytes.Contains(picture, []byte("pHYs\x00\x00\x2e\x23\x00\x00\x2e\x23\x01")) {
		t.Error("the PNG does not say its resolution")
	}
	if err := f.Write(io.Discard, "jpg"); err == nil || !strings.Contains(err.Error(), "svg") {
		t.Errorf("the format jpg: %v", err)
	}
}

// Names are text, in one line and in the figure, however strange or long.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	c := rankingtest.FullCohort(rankingtest.Hostile, strings.Repeat("long_", 60), "two\nlines\x01\x1b[31m", "same", "same", "", "../../etc/passwd", "نموذج", strings.Repeat("W", 200))
	set := drawn(t, c, figures.Options{Uncertainty: withUncertainty(t, c)})
	seen := map[string]bool{}
	for _, f := range set.Figures {
		if !regexp.MustCompile(`^[a-z0-9._-]{1,100}$`).MatchString(f.Name) || strings.Contains(f.Name, "..") || seen[f.Name] {
			t.Errorf("a figure is named %q", f.Name)
		}
		seen[f.Name] = true
		textsOf(t, f)
		hasWhiteEdge(t, f)
		written(t, f, "pdf")
	}
	texts := textsOf(t, set.Figures[0])
	for _, want := range []string{"same (1)", "same (2)", "(no name)", "two lines??[31m"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the ranking does not name %q: %q", want, texts)
		}
	}
}

// What is not known is left out and said.
func TestMissingData(t *testing.T) {
	t.Parallel()
	bare := func(name string, values map[string]float64) ranking.Model {
		m := ranking.Model{Name: name, Source: name, Values: map[string]ranking.Value{}}
		for dimension, v := range values {
			m.Values[dimension] = ranking.Value{Value: v}
		}
		return m
	}
	models := []ranking.Model{bare("a", map[string]float64{"accuracy": 0.5}), bare("b", map[string]float64{"accuracy": 0.6, "parameters": 5})}
	set := drawn(t, ranking.Cohort{Models: models}, figures.Options{})
	if got := kinds(set); !slices.Equal(got, []string{"scatter"}) {
		t.Errorf("without a rank: %q", got)
	}
	for _, want := range []string{"no figure ranking: no model has a rank", "no figure attacks: ", "no figure reliability: ", "no figure corruptions: ", "no figure shape-bias: "} {
		if !slices.ContainsFunc(set.Notes, func(note string) bool { return strings.HasPrefix(note, want) }) {
			t.Errorf("no note %q in %q", want, set.Notes)
		}
	}
	partial := figures.Options{Ranking: ranking.Options{AllowPartial: true}}
	if got := kinds(drawn(t, ranking.Cohort{Models: models}, partial)); !slices.Equal(got, []string{"ranking", "scatter"}) {
		t.Errorf("with what both have: %q", got)
	}
	only := ranking.Cohort{Models: models[:1]}
	if got := kinds(drawn(t, only, partial)); !slices.Equal(got, []string{"ranking"}) {
		t.Errorf("one dimension: %q", got)
	}
	if _, err := figures.New(only, figures.Options{X: "acuracy"}); err == nil || !strings.Contains(err.Error(), "accuracy") {
		t.Errorf("an unknown dimension: %v", err)
	}
	if _, err := figures.New(ranking.Cohort{}, figures.Options{}); err == nil {
		t.Error("figures of no models")
	}
}

// A note says what a figure has no room for.
func TestManyModels(t *testing.T) {
	t.Parallel()
	set, err := figures.New(ranking.Published(), figures.Options{})
	check(t, err)
	for _, want := range []string{"figure ranking shows the first 50 of 326 models", "figure acceptability shows the first 30 of 326 models"} {
		if !slices.Contains(set.Notes, want) {
			t.Errorf("no note %q in %q", want, set.Notes)
		}
	}
	for _, f := range set.Figures[:2] {
		hasWhiteEdge(t, f)
	}
}
