package main

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"quba/internal/imaging"
	"quba/metrics"
	"quba/pipeline"
)

// The look of a contact sheet, in pixels and levels of grey.
const (
	paper     = 255
	sheetGap  = 6
	textLine  = 14
	leftSpace = 140
	maxSheet  = 1 << 28 // pixels
)

// sheet is a contact sheet that is being filled: rows are images, columns
// variants in the order in which they first come. That of an attack is followed
// by the change that it made.
type sheet struct {
	thumb   int
	columns []column
	rows    []sheetRow
}

type column struct {
	variant pipeline.Variant
	attack  bool
	change  bool // the difference that the attack made, not its image
}

type sheetRow struct {
	label string
	cells map[column]*pipeline.Image
}

func newSheet(thumb int) *sheet { return &sheet{thumb: thumb} }

// Add adds the row of an image, which stages or attacks made others of.
func (s *sheet) Add(before pipeline.Sample, made []pipeline.Sample) error {
	row := sheetRow{label: before.ID, cells: map[column]*pipeline.Image{}}
	for _, sample := range append([]pipeline.Sample{before}, made...) {
		c := column{variant: sample.Variant, attack: sample.Attacked != nil}
		if err := s.put(row, c, sample.ID, sample.Image); err != nil {
			return err
		}
		if !c.attack {
			continue
		}
		c.change = true
		if err := s.put(row, c, sample.ID, change(before.Image, sample)); err != nil {
			return err
		}
	}
	s.rows = append(s.rows, row)
	if w, h := s.size(); w*h > maxSheet {
		return usagef("the sheet would have %dx%d pixels; show fewer images or variants, or make --thumb smaller", w, h)
	}
	return nil
}

// put fills a cell; the first image stays, for the clean one is also what no
// stage changed.
func (s *sheet) put(row sheetRow, c column, id string, m *pipeline.Image) error {
	if row.cells[c] != nil {
		return nil
	}
	small, err := thumbnail(m, s.thumb)
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	row.cells[c] = small
	if !slices.Contains(s.columns, c) {
		s.columns = append(s.columns, c)
	}
	return nil
}

// A change of one level is shown as changeScale, around middleGrey.
const (
	changeScale = 10
	middleGrey  = 128
)

// change draws what an attack did to an image, from the exact values where the
// adversarial one has them.
func change(before *pipeline.Image, after pipeline.Sample) *pipeline.Image {
	level := func(i int) float64 { return float64(after.Image.Pix[i]) }
	if e := after.Exact; e != nil {
		level = func(i int) float64 { return 255 * float64(e.Pix[i%3*e.W*e.H+i/3]) }
	}
	m := imaging.New(before.W, before.H)
	for i, was := range before.Pix {
		m.Pix[i] = byte(min(max(math.Round(middleGrey+changeScale*(level(i)-float64(was))), 0), 255))
	}
	return m
}

func (s *sheet) headLines() int {
	lines := 1
	for _, c := range s.columns {
		lines = max(lines, len(s.heading(c)))
	}
	return lines
}

func (s *sheet) size() (w, h int) {
	step := s.thumb + sheetGap
	return leftSpace + len(s.columns)*step + sheetGap, s.headLines()*textLine + 2*sheetGap + len(s.rows)*step
}

// Write draws the sheet into a PNG file, which appears when it is whole.
func (s *sheet) Write(path string) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o666))
	if err != nil {
		return usagef("--output: %w", err)
	}
	defer f.Cleanup()
	if err := encodeImage(f, s.draw(), 0); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.CloseAtomicallyReplace()
}

func (s *sheet) draw() image.Image {
	w, h := s.size()
	canvas := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.Gray{Y: paper}), image.Point{}, draw.Src)
	top := s.headLines()*textLine + 2*sheetGap
	step := s.thumb + sheetGap
	for j, c := range s.columns {
		for i, line := range s.heading(c) {
			write(canvas, leftSpace+j*step, sheetGap+(i+1)*textLine-3, line)
		}
	}
	for i, row := range s.rows {
		y := top + i*step
		for k, line := range wrap(row.label, leftSpace-2*sheetGap, s.thumb/textLine) {
			write(canvas, sheetGap, y+(k+1)*textLine-3, line)
		}
		for j, c := range s.columns {
			if cell := row.cells[c]; cell != nil {
				at := image.Rect(0, 0, s.thumb, s.thumb).Add(image.Pt(leftSpace+j*step, y))
				draw.Draw(canvas, at, picture(cell), image.Point{}, draw.Src)
			}
		}
	}
	return canvas
}

// heading names a column, in lines that fit over it.
func (s *sheet) heading(c column) []string {
	const most = 4
	if c.change {
		return []string{fmt.Sprintf("change x%d", changeScale)}
	}
	lines := wrap(variantName(pipeline.Variant{Perturbation: c.variant.Perturbation}, ""), s.thumb, most)
	switch {
	case c.attack:
		lines = append(lines, "eps "+metrics.AttackEps(c.variant.Perturbation, c.variant.Severity))
	case c.variant.Severity > 0:
		lines = append(lines, fmt.Sprintf("severity %d", c.variant.Severity))
	}
	return lines
}

// wrap cuts a text into at most so many lines of a width in pixels; where it
// is too long, its end is what is left.
func wrap(text string, width, lines int) []string {
	n, lines := max(width/basicfont.Face7x13.Advance, 1), max(lines, 1)
	runes := []rune(strings.Map(printableASCII, text))
	if over := len(runes) - n*lines; over > 0 {
		runes = runes[over:]
	}
	var cut []string
	for chunk := range slices.Chunk(runes, n) {
		cut = append(cut, string(chunk))
	}
	return cut
}

// printableASCII replaces what the font does not have.
func printableASCII(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

func write(canvas draw.Image, x, y int, text string) {
	d := font.Drawer{Dst: canvas, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(text)
}

// picture is an image for the packages of the standard library.
func picture(m *pipeline.Image) image.Image {
	p := image.NewNRGBA(image.Rect(0, 0, m.W, m.H))
	for i, j := 0, 0; i < len(m.Pix); i, j = i+3, j+4 {
		copy(p.Pix[j:j+3], m.Pix[i:i+3])
		p.Pix[j+3] = 255
	}
	return p
}

// encodeImage writes PNG, or JPEG when quality is above 0.
func encodeImage(w io.Writer, m image.Image, quality int) error {
	if quality > 0 {
		return jpeg.Encode(w, m, &jpeg.Options{Quality: quality})
	}
	return png.Encode(w, m)
}
