package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"quba/internal/imaging"
	"quba/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// album is a source of PNG files in memory.
type album []file

type file struct {
	id   string
	data []byte
	err  error // of reading
}

func (f file) read(into *bytes.Buffer) error {
	into.Write(f.data)
	return f.err
}

func (a album) Samples(context.Context) iter.Seq2[pipeline.Sample, error] {
	return func(yield func(pipeline.Sample, error) bool) {
		for i, f := range a {
			if f.id == "" {
				yield(pipeline.Sample{}, f.err)
				return
			}
			if !yield(pipeline.Sample{Seq: uint64(i), ID: f.id, Path: "album/" + f.id, Read: f.read}, nil) {
				return
			}
		}
	}
}

func (a album) Describe(context.Context) (pipeline.SourceInfo, error) {
	return pipeline.SourceInfo{Samples: int64(len(a)), Digest: fmt.Sprintf("album of %d", len(a))}, nil
}

// fixed are the same foreground for all images but those with one of their own.
type fixed struct {
	box [4]int // x0, y0, x1, y1
	own map[string]func(m *imaging.Image) ([]bool, error)
}

func (f fixed) Find(_ context.Context, id string, m *imaging.Image) ([]bool, error) {
	if own := f.own[id]; own != nil {
		return own(m)
	}
	return rectangle(m, f.box), nil
}

func rectangle(m *imaging.Image, box [4]int) []bool {
	foreground := make([]bool, m.W*m.H)
	for i := range foreground {
		x, y := i%m.W, i/m.W
		foreground[i] = x >= box[0] && x < box[2] && y >= box[1] && y < box[3]
	}
	return foreground
}

func pngOf(t *testing.T, m *imaging.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := imaging.EncodePNG(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// photographs are pictures of 256x256, which are cropped without being resized.
// A pixel tells the picture and its place.
func photographs(t *testing.T, ids ...string) album {
	var a album
	for i, id := range ids {
		m := ramp(256, 256)
		for k := 2; k < len(m.Pix); k += 3 {
			m.Pix[k] = byte(i + 1)
		}
		a = append(a, file{id: id, data: pngOf(t, m)})
	}
	return a
}

var animals = []string{
	"00_dog/a.png", "00_dog/b.png", "00_dog/c.png", "01_bird/a.jpg", "01_bird/sub/b.png",
	"n01440764/a.png", "n01440764/b.png", "n01443537/a.png", // fish of two wnids
}

// inner is a box of the original that leaves 40 columns of the crop free on
// its left, and less elsewhere.
var inner = [4]int{56, 46, 226, 216}

func options(t *testing.T, images album) Options {
	return Options{
		Images: images, Foregrounds: fixed{box: inner}, From: "boxes", Facts: []pipeline.Fact{{Name: "boxes", Value: "abc", Origin: "sha256"}},
		Seed: 7, Workers: 2, Out: filepath.Join(t.TempDir(), "out"),
	}
}

func mustCompose(t *testing.T, o Options) Report {
	t.Helper()
	r, err := Compose(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readPicture(t *testing.T, name string) *imaging.Image {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := imaging.Decode(data, imaging.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func readRows(t *testing.T, name string) [][]string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// digest is over the names and contents of all files.
func digest(t *testing.T, folder string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(folder, name)
		fmt.Fprintf(h, "%s %d\n%s", rel, len(data), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Every pixel of every variant follows from the originals and the manifest.
func TestPixels(t *testing.T) {
	images := photographs(t, animals...)
	o := options(t, images)
	mustCompose(t, o)
	crops := map[string]*imaging.Image{}
	for _, f := range images {
		m, _, err := imaging.Decode(f.data, imaging.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if crops[f.id], err = (imaging.Transform{CropW: 224, CropH: 224}).Apply(m); err != nil {
			t.Fatal(err)
		}
	}
	inBox := func(x, y int) bool {
		return x >= inner[0]-16 && x < inner[2]-16 && y >= inner[1]-16 && y < inner[3]-16
	}
	background := func(id string, x, y int) [3]byte {
		if inBox(x, y) {
			x %= 40 // the left strip, over the whole height
		}
		return pixel(crops[id], x, y)
	}
	black := [3]byte{}
	rows := readRows(t, filepath.Join(o.Out, ManifestFile))
	if len(rows) != 1+5*len(animals) {
		t.Fatalf("the manifest has %d rows", len(rows))
	}
	for _, row := range rows[1:] {
		variant, _, _ := strings.Cut(row[0], "/")
		fg, bg := row[2], row[3]
		got := readPicture(t, filepath.Join(o.Out, filepath.FromSlash(row[0])))
		if got.W != 224 || got.H != 224 {
			t.Fatalf("%s has %dx%d pixels", row[0], got.W, got.H)
		}
		for y := range 224 {
			for x := range 224 {
				var want [3]byte
				switch {
				case variant == OnlyBGT:
					want = background(bg, x, y)
				case inBox(x, y) && fg == "", !inBox(x, y) && bg == "":
					want = black
				case inBox(x, y):
					want = pixel(crops[fg], x, y)
				case variant == NoFG:
					want = pixel(crops[bg], x, y)
				default:
					want = background(bg, x, y)
				}
				if pixel(got, x, y) != want {
					t.Fatalf("%s: pixel %d, %d is %v, want %v", row[0], x, y, pixel(got, x, y), want)
				}
			}
		}
	}
}

func pixel(m *imaging.Image, x, y int) [3]byte {
	r, g, b := m.At(x, y)
	return [3]byte{r, g, b}
}

func TestReport(t *testing.T) {
	images := append(photographs(t, append(animals, "n01484850/last.png", "n01531178/last.png", "n03888257/parachute.png", "04_carnivore/alone.png")...),
		file{id: "00_dog/broken.png", data: []byte("no picture")},
		file{id: "00_dog/gone.png", err: fs.ErrNotExist},
		file{id: "01_bird/" + strings.Repeat("long", 80) + ".png"},
		file{id: "01_bird/sub_b.png"})
	o := options(t, images)
	o.Foregrounds = fixed{box: inner, own: map[string]func(*imaging.Image) ([]bool, error){
		"n01484850/last.png": func(*imaging.Image) ([]bool, error) { return nil, pipeline.Unusable("no object was found") },
	}}
	got := mustCompose(t, o)
	want := Counts{Outside: 1, Images: len(images) - 1, Composed: 9, Unreadable: 2, NoForeground: 1, NoPartner: 1, NoName: 2}
	if got.Counts != want || want.LeftOut() != 6 {
		t.Errorf("counts %+v, want %+v", got.Counts, want)
	}
	if got.Classes[0] != (ClassCount{"00_dog", 5, 3}) || got.Classes[8] != (ClassCount{"08_fish", 4, 3}) || got.Classes[2] != (ClassCount{"02_vehicle", 0, 0}) {
		t.Errorf("classes %v", got.Classes)
	}
	if got.Seed != 7 || got.Foregrounds != "boxes" || !reflect.DeepEqual(got.Facts, o.Facts) || got.Images != fmt.Sprintf("album of %d", len(images)) || got.Note != Note || !strings.HasPrefix(got.ComposedBy, "pipeline ") {
		t.Errorf("report %+v", got)
	}
	var written Report
	data, err := os.ReadFile(filepath.Join(o.Out, ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &written); err != nil || !reflect.DeepEqual(written, got) {
		t.Errorf("%s is %s, %v", ReportFile, data, err)
	}
	reasons := map[string]string{}
	for _, row := range readRows(t, filepath.Join(o.Out, LeftOutFile))[1:] {
		reasons[row[0]] = row[2]
	}
	for id, words := range map[string]string{
		"00_dog/broken.png": "content must be", "00_dog/gone.png": "not exist", "n01484850/last.png": "no object was found",
		"04_carnivore/alone.png": "no other usable image of its class", "01_bird/sub_b.png": "as those of 01_bird/sub/b.png",
		"01_bird/" + strings.Repeat("long", 80) + ".png": "would have 320 bytes",
	} {
		if !strings.Contains(reasons[id], words) {
			t.Errorf("%s is left out because of %q, want %q", id, reasons[id], words)
		}
	}
	if len(reasons) != want.LeftOut() {
		t.Errorf("left out are %v", reasons)
	}
	// What is left out is in no variant.
	for _, variant := range variants {
		files, err := filepath.Glob(filepath.Join(o.Out, variant, "val", "*", "*.png"))
		if err != nil || len(files) != want.Composed {
			t.Errorf("%s has %d files: %v", variant, len(files), err)
		}
	}
	if folders, _ := filepath.Glob(filepath.Join(o.Out, "*", "val", "*")); len(folders) != 45 {
		t.Errorf("there are %d class folders", len(folders))
	}
}

func TestSameBytesWhateverWorkersAndOrder(t *testing.T) {
	images := photographs(t, animals...)
	o := options(t, images)
	o.Workers = 1
	mustCompose(t, o)
	want := digest(t, o.Out)

	many := options(t, images)
	many.Workers = 5
	mustCompose(t, many)
	if digest(t, many.Out) != want {
		t.Error("the files depend on the workers")
	}
	backwards := options(t, slices.Clone(images))
	slices.Reverse(backwards.Images.(album))
	mustCompose(t, backwards)
	if digest(t, backwards.Out) != want {
		t.Error("the files depend on the order")
	}
	other := options(t, images)
	other.Seed = 8
	mustCompose(t, other)
	if slices.EqualFunc(readRows(t, filepath.Join(o.Out, ManifestFile)), readRows(t, filepath.Join(other.Out, ManifestFile)), slices.Equal) {
		t.Error("another seed draws the same backgrounds")
	}
}

// Backgrounds are of another image; those of mixed_same of the same class, and
// every class occurs in mixed_rand, the foreground's own included.
func TestBackgroundsAreDrawnFromAll(t *testing.T) {
	c := &composer{Options: Options{Seed: 3}}
	for class, folder := range ClassFolders() {
		for i := range 4 + 4*class {
			id := path.Join(folder, fmt.Sprint(i))
			c.images = append(c.images, &image9{class: int32(class), sample: pipeline.Sample{ID: id, Seed: 3}})
		}
	}
	c.drawBackgrounds()
	drawn, classes := map[*image9]int{}, map[int32]int{}
	own := 0
	for _, m := range c.images {
		if m.same == m || m.rand == m || m.same.class != m.class {
			t.Fatalf("%s is put on %s and %s", m.sample.ID, m.same.sample.ID, m.rand.sample.ID)
		}
		drawn[m.same]++
		classes[m.rand.class]++
		if m.rand.class == m.class {
			own++
		}
	}
	n := float64(len(c.images))
	// A class is drawn n/9 times, with a standard deviation of less than
	// sqrt(n)/3; an image once on average, never with probability 1/e.
	for class, count := range classes {
		if d := float64(count) - n/9; d*d > 16*n/9 {
			t.Errorf("class %d is drawn %d times of %g", class, count, n)
		}
	}
	if len(classes) != 9 || own == 0 || float64(len(drawn)) < 0.5*n {
		t.Errorf("drawn are %d classes, %d times the own, %d of %g images", len(classes), own, len(drawn), n)
	}
}

func TestErrors(t *testing.T) {
	broken := errors.New("the list is damaged")
	full := &fs.PathError{Op: "read", Path: "x", Err: syscall.EMFILE}
	tests := map[string]struct {
		images album
		find   func(*imaging.Image) ([]bool, error)
		words  string
	}{
		"layout":       {photographs(t, "val/00_dog/a.png", "dogs/b.png"), nil, `the class folders must be wnids, such as n02085620, or the nine of ImageNet-9: 00_dog, 01_bird, 02_vehicle, 03_reptile, 04_carnivore, 05_insect, 06_instrument, 07_primate, 08_fish; found ["val" "dogs"]`},
		"other wnids":  {photographs(t, "n03888257/a.png", "n03888257/b.png"), nil, "no image is of a class of ImageNet-9; 2 are of other classes"},
		"one class":    {photographs(t, "00_dog/a.png", "00_dog/b.png", "n01440764/a.png"), nil, "at least two classes must have two usable images each; 1 have; the first image that is left out is album/n01440764/a.png: no other usable image"},
		"nothing":      {photographs(t, animals...), func(*imaging.Image) ([]bool, error) { return nil, pipeline.Unusable("no mask") }, "0 have; the first image that is left out is album/00_dog/a.png: no mask"},
		"listing":      {append(photographs(t, animals...), file{err: broken}), nil, "the list is damaged"},
		"segmenter":    {photographs(t, animals...), func(*imaging.Image) ([]bool, error) { return nil, errors.New("the network fails") }, "the network fails"},
		"machine":      {append(photographs(t, animals...), file{id: "00_dog/z.png", err: full}), nil, "too many open files"},
		"mask machine": {photographs(t, animals...), func(*imaging.Image) ([]bool, error) { return nil, full }, "too many open files"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(t, test.images)
			if test.find != nil {
				own := map[string]func(*imaging.Image) ([]bool, error){}
				for _, f := range test.images {
					own[f.id] = test.find
				}
				o.Foregrounds = fixed{own: own}
			}
			_, err := Compose(t.Context(), o)
			var data *pipeline.DataError
			if err == nil || !strings.Contains(err.Error(), test.words) || !errors.As(err, &data) && !pipeline.MachineFault(err) {
				t.Errorf("error is %v, want one with %q", err, test.words)
			}
			wantEmpty(t, filepath.Dir(o.Out))
		})
	}
}

// wantEmpty is that nothing was left behind.
func wantEmpty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) > 0 {
		t.Errorf("%s has %v, %v", folder, entries, err)
	}
}

func TestPanicsAreErrors(t *testing.T) {
	o := options(t, photographs(t, animals...))
	o.Foregrounds = fixed{own: map[string]func(*imaging.Image) ([]bool, error){"00_dog/b.png": func(*imaging.Image) ([]bool, error) { panic("oh") }}}
	_, err := Compose(t.Context(), o)
	var fault *pipeline.PanicError
	if !errors.As(err, &fault) || fault.Cause != "oh" {
		t.Errorf("error is %v", err)
	}
}

func TestStopping(t *testing.T) {
	for _, step := range []string{"cutting out", "mixing"} {
		o := options(t, photographs(t, animals...))
		ctx, cancel := context.WithCancel(t.Context())
		o.Progress = func(now string, done, total int) {
			if now == step && done == 2 && total == len(animals) {
				cancel()
			}
		}
		if _, err := Compose(ctx, o); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error is %v", step, err)
		}
		wantEmpty(t, filepath.Dir(o.Out))
	}
}

func TestOut(t *testing.T) {
	o := options(t, photographs(t, animals...))
	refused := func(words string) {
		t.Helper()
		before := digest(t, o.Out)
		_, err := Compose(t.Context(), o)
		var usage *pipeline.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), words) {
			t.Errorf("error is %v, want one with %q", err, words)
		}
		if digest(t, o.Out) != before {
			t.Error("the folder was changed")
		}
	}
	other := filepath.Join(o.Out, "other.txt")
	if err := os.MkdirAll(o.Out, 0o777); err != nil {
		t.Fatal(err)
	}
	mustCompose(t, o) // an empty folder is free
	first := digest(t, o.Out)
	refused("replace them with --overwrite")
	if err := os.WriteFile(other, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o.Overwrite = true
	mustCompose(t, o) // what is replaced goes whole
	if digest(t, o.Out) != first {
		t.Error("the same images differ")
	}
	// A failing run keeps what was there.
	good := o.Images
	o.Images = album{{id: "00_dog/a", err: errors.New("gone")}}
	if _, err := Compose(t.Context(), o); err == nil || digest(t, o.Out) != first {
		t.Errorf("error is %v, and the earlier images are not as they were", err)
	}
	o.Images = good
	for _, file := range []string{ReportFile, ManifestFile} {
		if err := os.Remove(filepath.Join(o.Out, file)); err != nil {
			t.Fatal(err)
		}
	}
	refused("has no composed.json, so it holds nothing composed that may be replaced")
	o.Overwrite = false
	refused("is not empty")
	o.Out = other + "x"
	if err := os.WriteFile(o.Out, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	refused("not a directory")
	o.Out = filepath.Join(o.Out, "below")
	if _, err := Compose(t.Context(), o); err == nil {
		t.Error("a folder below a file: no error")
	}
}
