package main

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/internal/imaging"
	"quba/pipeline"
	"quba/pipeline/record"
)

func plainImage(w, h int, r, g, b byte) *pipeline.Image {
	m := imaging.New(w, h)
	for i := 0; i < len(m.Pix); i += 3 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2] = r, g, b
	}
	return m
}

func variantOf(name string, severity int32, m *pipeline.Image) pipeline.Sample {
	return pipeline.Sample{ID: "cat/x.png", Variant: pipeline.Variant{Perturbation: name, Severity: severity}, Image: m}
}

// pixel is the colour in the middle of a cell of the sheet.
func pixel(t *testing.T, m image.Image, s *sheet, row, column int) color.NRGBA {
	t.Helper()
	_, h := s.size()
	step := s.thumb + sheetGap
	x := leftSpace + column*step + s.thumb/2
	y := h - (len(s.rows)-row)*step + s.thumb/2
	return color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
}

func TestSheetHasRowsOfImagesAndColumnsOfVariants(t *testing.T) {
	s := newSheet(32)
	red, green, blue := plainImage(40, 20, 255, 0, 0), plainImage(3, 50, 0, 255, 0), plainImage(1, 1, 0, 0, 255)
	for _, row := range [][]pipeline.Sample{
		{variantOf("", 0, red), variantOf("", 0, red), variantOf("fog", 3, green)},
		{variantOf("", 0, blue), variantOf("snow", 1, red), variantOf("fog", 3, blue)},
	} {
		if err := s.Add(row[0], row[1:]); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "sheet.png")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	r, g, b, white := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}, color.NRGBA{255, 255, 255, 255}
	want := [][]color.NRGBA{{r, g, white}, {b, b, r}} // the column of snow came last
	for i, row := range want {
		for j, c := range row {
			if got := pixel(t, m, s, i, j); got != c {
				t.Errorf("row %d, column %d is %v, want %v", i, j, got, c)
			}
		}
	}
	if w, h := s.size(); m.Bounds().Dx() != w || m.Bounds().Dy() != h {
		t.Errorf("%v, want %dx%d", m.Bounds(), w, h)
	}
}

// The change is drawn ten times as strong, from exact values where there are
// some, and clipped.
func TestSheetShowsWhatAttacksChanged(t *testing.T) {
	s := newSheet(12 * 7) // twelve characters
	before := plainImage(2, 1, 100, 100, 100)
	rounded := variantOf("pgd", 200, plainImage(2, 1, 102, 98, 150))
	rounded.Attacked = &record.Attack{}
	exact := variantOf("pgd", 25, plainImage(2, 1, 100, 100, 100))
	exact.Attacked = &record.Attack{}
	exact.Exact = &pipeline.Exact{W: 2, H: 1, Pix: []float32{100.2 / 255, 100.2 / 255, 99.8 / 255, 99.8 / 255, 100. / 255, 100. / 255}}
	l2 := variantOf("fog-3+pgd_l2", 500, before)
	l2.Attacked = &record.Attack{}
	if err := s.Add(variantOf("", 0, before), []pipeline.Sample{rounded, exact, l2}); err != nil {
		t.Fatal(err)
	}
	m := s.draw()
	for j, want := range []color.NRGBA{
		{100, 100, 100, 255}, {102, 98, 150, 255}, {148, 108, 255, 255}, {100, 100, 100, 255}, {130, 126, 128, 255}, {100, 100, 100, 255}, {128, 128, 128, 255},
	} {
		if got := pixel(t, m, s, 0, j); got != want {
			t.Errorf("column %d is %v, want %v", j, got, want)
		}
	}
	var headings []string
	for _, c := range s.columns {
		headings = append(headings, strings.Join(s.heading(c), " "))
	}
	want := []string{"clean", "pgd eps 2/255", "change x10", "pgd eps 0.25/255", "change x10", "fog-3+pgd_l2 eps 0.5", "change x10"}
	if !slices.Equal(headings, want) {
		t.Errorf("headings are %q, want %q", headings, want)
	}
}

func TestTextIsWrapped(t *testing.T) {
	for text, want := range map[string]string{
		"fog": "fog", "elastic_transform": "elastic_tr|ansform", "ä\n": "??",
		strings.Repeat("x", 30) + "0123456789": strings.Repeat("x", 10) + "|0123456789",
	} {
		if got := strings.Join(wrap(text, 70, 2), "|"); got != want {
			t.Errorf("%q is cut into %q, want %q", text, got, want)
		}
	}
}

func TestNamesOfSavedImages(t *testing.T) {
	fog := pipeline.Variant{Perturbation: "fog", Severity: 3}
	for _, c := range []struct {
		sample  pipeline.Sample
		quality int
		want    string
	}{
		{pipeline.Sample{ID: "n01/a.JPEG", Variant: fog}, 0, "n01/a_fog_3.png"},
		{pipeline.Sample{ID: "n01/a.JPEG"}, 90, "n01/a.jpg"},
		{pipeline.Sample{ID: "n01/deep/a.JPEG", Variant: fog}, 0, "n01/deep_a_fog_3.png"},
		{pipeline.Sample{ID: "a.png", Label: 7, Variant: fog}, 0, "class_7/a_fog_3.png"},
		{pipeline.Sample{ID: "../../a.png", Label: 7, Variant: fog}, 0, "class_7/.._.._a_fog_3.png"},
		{pipeline.Sample{ID: "/etc/a.png", Label: 7, Variant: fog}, 0, "class_7/_etc_a_fog_3.png"},
	} {
		if got := filepath.ToSlash(savedName(c.sample, c.quality)); got != c.want {
			t.Errorf("%s is saved as %s, want %s", c.sample.ID, got, c.want)
		}
	}
}

func TestSavedImagesComeBack(t *testing.T) {
	dir := t.TempDir()
	s, err := newImageSaver(filepath.Join(dir, "out"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := plainImage(3, 2, 1, 2, 3)
	m.Pix[7] = 200
	if err := s.Save([]pipeline.Sample{variantOf("fog", 1, m)}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "out", "cat", "x_fog_1.png"))
	if err != nil {
		t.Fatal(err)
	}
	back, _, err := imaging.Decode(data, imaging.Options{})
	if err != nil || back.W != 3 || back.H != 2 || string(back.Pix) != string(m.Pix) {
		t.Errorf("%+v, %v", back, err)
	}
}
