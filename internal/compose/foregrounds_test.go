package compose

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quba/internal/imaging"
	"quba/pipeline"
)

func boxesOf(t *testing.T, text string) (*Boxes, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "boxes.csv")
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return ReadBoxes(name)
}

func TestBoxes(t *testing.T) {
	b, err := boxesOf(t, byteOrderMark+"x0,path,y0,x1,y1,note\n0,a/b.png,0,2,1,x\n3,a/b.png,1,4,3,\n0,c.png,0,5,3,\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Find(t.Context(), "a/b.png", imaging.New(4, 3))
	if err != nil {
		t.Fatal(err)
	}
	const o, x = false, true
	if want := []bool{x, x, o, o, o, o, o, x, o, o, o, x}; !slices.Equal(got, want) {
		t.Errorf("foreground is %v, want %v", got, want)
	}
	if len(b.SHA256) != 64 {
		t.Errorf("digest is %q", b.SHA256)
	}
	for id, words := range map[string]string{"d.png": `has no box for "d.png"`, "c.png": "the box 0,0,5,3 leaves the image of 4x3 pixels"} {
		if _, err := b.Find(t.Context(), id, imaging.New(4, 3)); !errors.Is(err, pipeline.ErrUnusable) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: error is %v, want one with %q", id, err, words)
		}
	}
}

func TestBoxesSayWhereTheyAreWrong(t *testing.T) {
	const header = "path,x0,y0,x1,y1\n"
	for text, words := range map[string]string{
		"":                                "must begin with the columns",
		"path,x,y,w,h\n":                  `line 1: must have the columns ["path" "x0" "y0" "x1" "y1"], has ["path" "x" "y" "w" "h"]`,
		header + "a,0,0,1\n":              "record on line 2: wrong number of fields",
		header + "a,0,0,1,1.5\n":          `line 2: y1 must be a whole number of pixels from 0 on, got "1.5"`,
		header + "a,-1,0,1,1\n":           `line 2: x0 must be a whole number`,
		header + "a,0,0,1,1\nb,2,0,2,1\n": "line 3: x0 must be less than x1 and y0 less than y1, got [2 0 2 1]",
		"\"\n":                            "line 1",
	} {
		_, err := boxesOf(t, text)
		var data *pipeline.DataError
		if !errors.As(err, &data) || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: error is %v, want one with %q", text, err, words)
		}
	}
	if _, err := ReadBoxes(filepath.Join(t.TempDir(), "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}

// painter is a stage that does what it is told.
type painter func(s pipeline.Sample) ([]pipeline.Sample, error)

func (p painter) Apply(_ context.Context, s pipeline.Sample) ([]pipeline.Sample, error) { return p(s) }

func TestFromSilhouettes(t *testing.T) {
	m := imaging.New(2, 1)
	black := FromSilhouettes(painter(func(s pipeline.Sample) ([]pipeline.Sample, error) {
		if s.ID != "a" || s.Image != m {
			t.Errorf("the stage gets %q", s.ID)
		}
		return []pipeline.Sample{{Image: &imaging.Image{W: 2, H: 1, Pix: []byte{0, 0, 0, 255, 255, 255}}}}, nil
	}))
	if got, err := black.Find(t.Context(), "a", m); err != nil || !slices.Equal(got, []bool{true, false}) {
		t.Errorf("foreground is %v, %v", got, err)
	}
	for name, p := range map[string]painter{
		"nothing": func(pipeline.Sample) ([]pipeline.Sample, error) { return nil, nil },
		"other size": func(s pipeline.Sample) ([]pipeline.Sample, error) {
			s.Image = imaging.New(1, 1)
			return []pipeline.Sample{s}, nil
		},
		"error": func(pipeline.Sample) ([]pipeline.Sample, error) { return nil, errors.New("no") },
	} {
		if _, err := FromSilhouettes(p).Find(t.Context(), "a", m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
