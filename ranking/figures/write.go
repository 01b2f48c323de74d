package figures

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"

	"quba/pipeline/registry"
)

// Formats are those in which figures can be written. PNG shows what is not in
// the font as a question mark, PDF what is not in Windows-1252.
func Formats() []string { return []string{"svg", "pdf", "png"} }

// pngResolution is in dots for each inch.
const pngResolution = 300

// Write writes the figure in one of the formats.
func (f Figure) Write(w io.Writer, format string) error {
	switch format {
	case "svg":
		return f.render(vgsvg.NewWith(vgsvg.UseWH(f.Width, f.Height), vgsvg.EmbedFonts(true)), w)
	case "pdf":
		return f.render(pdfCanvas{newPDF(f.Width, f.Height)}, w)
	case "png":
		return f.writePNG(w)
	}
	return registry.Unknown("figure format", format, Formats())
}

func (f Figure) render(to vg.CanvasWriterTo, w io.Writer) error {
	c := draw.NewCanvas(to, f.Width, f.Height)
	c.SetColor(white)
	c.Fill(c.Path())
	f.draw(draw.Crop(c, margin, -margin, margin, -margin))
	_, err := to.WriteTo(w)
	return err
}

// sameEveryTime gives documents a date that is always the same. vgpdf gives no
// way to its document but the defaults.
var sameEveryTime = sync.OnceFunc(func() {
	fpdf.SetDefaultCreationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultModificationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultCatalogSort(true)
})

func newPDF(width, height vg.Length) *vgpdf.Canvas {
	sameEveryTime()
	return vgpdf.New(width, height)
}

// pdfCanvas writes text in the encoding of the fonts of vgpdf, which takes it as
// it is.
type pdfCanvas struct{ *vgpdf.Canvas }

// FillString implements vg.Canvas.
func (c pdfCanvas) FillString(f font.Face, at vg.Point, text string) {
	c.Canvas.FillString(f, at, windows1252(text))
}

func windows1252(text string) string {
	text = strings.ReplaceAll(text, "−", "–") // the dash is the minus sign's likeness
	encoded, err := encoding.ReplaceUnsupported(charmap.Windows1252.NewEncoder()).String(text)
	if err != nil {
		return "?"
	}
	return strings.ReplaceAll(encoded, "\x1a", "?")
}

func (f Figure) writePNG(w io.Writer) error {
	var file bytes.Buffer
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(f.Width, f.Height), vgimg.UseDPI(pngResolution))}
	if err := f.render(pngCanvas{c}, &file); err != nil {
		return err
	}
	_, err := w.Write(withResolution(file.Bytes()))
	return err
}

// pngCanvas writes text that its font has.
type pngCanvas struct{ vgimg.PngCanvas }

// FillString implements vg.Canvas.
func (c pngCanvas) FillString(f font.Face, at vg.Point, text string) {
	c.PngCanvas.FillString(f, at, inFont(f, text))
}

// inFont puts a question mark in the place of what a font lacks, which would be
// blank.
func inFont(f font.Face, text string) string {
	var buffer sfnt.Buffer
	return strings.Map(func(r rune) rune {
		if glyph, err := f.Face.GlyphIndex(&buffer, r); err != nil || glyph == 0 {
			return '?'
		}
		return r
	}, text)
}

// afterHeader is where a PNG's first chunk, IHDR, ends.
const afterHeader = 8 + 4 + 4 + 13 + 4

// withResolution adds the chunk pHYs (PNG, third edition, 11.3.4.3), so that
// programs show the figure at its size.
func withResolution(file []byte) []byte {
	const perMetre = pngResolution / 0.0254
	chunk := binary.BigEndian.AppendUint32(nil, 9)
	chunk = append(chunk, "pHYs"...)
	for range 2 {
		chunk = binary.BigEndian.AppendUint32(chunk, uint32(math.Round(perMetre)))
	}
	chunk = append(chunk, 1) // the unit is the metre
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return bytes.Join([][]byte{file[:afterHeader], chunk, file[afterHeader:]}, nil)
}
