package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"quba/pipeline"
	"quba/pipeline/record"
)

// fixture makes a small data set of one kind of source. add puts one more
// image into it.
type fixture struct {
	source func() pipeline.Source
	add    func()
}

// fixtures has one for each registered source, which the test of the source
// puts here.
var fixtures = map[string]func(t *testing.T) fixture{}

// makeSource builds a source through its registry entry.
func makeSource[C any](t testing.TB, name string, config C) pipeline.Source {
	t.Helper()
	s, err := tryMakeSource(name, config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryMakeSource[C any](name string, config C) (pipeline.Source, error) {
	entry, err := Sources.Lookup(name)
	if err != nil {
		return nil, err
	}
	return entry.New(func(into any) error {
		*into.(*C) = config
		return nil
	})
}

// writePNGs writes pictures whose one pixel tells them apart.
func writePNGs(t testing.TB, root string, paths ...string) {
	t.Helper()
	for i, path := range paths {
		m := image.NewRGBA(image.Rect(0, 0, 1, 1))
		m.Set(0, 0, color.RGBA{R: byte(i), G: byte(len(path)), A: 255})
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(root, path), b.String())
	}
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// collect gives the samples of a source without their functions.
// readSample reads a sample's file.
func readSample(s pipeline.Sample) ([]byte, error) {
	var data bytes.Buffer
	err := s.Read(&data)
	return data.Bytes(), err
}

func collect(s pipeline.Source) ([]pipeline.Sample, error) {
	var all []pipeline.Sample
	for sample, err := range s.Samples(context.Background()) {
		if err != nil {
			return all, err
		}
		sample.Read = nil
		all = append(all, sample)
	}
	return all, nil
}

func TestSourcesConform(t *testing.T) {
	for _, name := range Sources.Names() {
		t.Run(name, func(t *testing.T) {
			make, ok := fixtures[name]
			if !ok {
				t.Fatalf("the source %s has no fixture; its test must put one into fixtures", name)
			}
			f := make(t)
			t.Run("order and numbers", func(t *testing.T) { checkSamples(t, f.source()) })
			t.Run("concurrent", func(t *testing.T) { checkConcurrent(t, f.source()) })
			t.Run("cancel", func(t *testing.T) { checkCancel(t, f.source()) })
			t.Run("stop", func(t *testing.T) { checkStop(t, f.source()) })
			t.Run("read", func(t *testing.T) { checkRead(t, f.source()) })
			t.Run("digest", func(t *testing.T) { checkDigest(t, f) })
		})
	}
}

func checkSamples(t *testing.T, s pipeline.Source) {
	first, err := collect(s)
	if err != nil {
		t.Fatal(err)
	}
	second, err := collect(s)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("two passes differ:\n%v\n%v", first, second)
	}
	info, err := s.Describe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if info.Samples != int64(len(first)) {
		t.Errorf("Describe says %d samples, there are %d", info.Samples, len(first))
	}
	if info.Decision != nil && info.Classes != len(info.Decision.Classes) {
		t.Errorf("Describe says %d classes, its decision has %d", info.Classes, len(info.Decision.Classes))
	}
	// An ID names the image that the variants were made of.
	type key struct {
		id      string
		variant pipeline.Variant
	}
	seen := map[key]bool{}
	for i, sample := range first {
		k := key{sample.ID, sample.Variant}
		if sample.Seq != uint64(i) {
			t.Errorf("sample %d has Seq %d", i, sample.Seq)
		}
		if seen[k] || sample.ID == "" || !utf8.ValidString(sample.ID) || filepath.IsAbs(sample.ID) {
			t.Errorf("ID %q is repeated, empty, not UTF-8 or a path of this machine", sample.ID)
		}
		seen[k] = true
		if sample.Label != record.NoClass && (sample.Label < 0 || int(sample.Label) >= info.Classes) {
			t.Errorf("%s has label %d of %d classes", sample.ID, sample.Label, info.Classes)
		}
		if sample.Cue != record.NoClass && (sample.Cue < 0 || int(sample.Cue) >= info.Classes) {
			t.Errorf("%s has cue %d of %d classes", sample.ID, sample.Cue, info.Classes)
		}
		if !reflect.DeepEqual(sample.Decision, info.Decision) {
			t.Errorf("%s has decision %v, Describe says %v", sample.ID, sample.Decision, info.Decision)
		}
		if sample.Path == "" {
			t.Errorf("%s has no path", sample.ID)
		}
	}
}

func checkConcurrent(t *testing.T, s pipeline.Source) {
	want, err := collect(s)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := collect(s)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("a pass beside others gives %v, %v", got, err)
			}
			if _, err := s.Describe(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func checkCancel(t *testing.T, s pipeline.Source) {
	ctx, cancel := context.WithCancel(context.Background())
	samples := 0
	var last error
	for _, err := range s.Samples(ctx) {
		if last = err; err == nil {
			samples++
			cancel()
		}
	}
	cancel()
	if samples != 1 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d samples and %v after cancelling at the first", samples, last)
	}
	if _, err := s.Describe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Describe of a cancelled context gives %v", err)
	}
	if _, err := s.Describe(context.Background()); err != nil {
		t.Errorf("Describe does not recover from a cancelled one: %v", err)
	}
}

func checkStop(t *testing.T, s pipeline.Source) {
	for range s.Samples(context.Background()) {
		break
	}
}

// checkRead reads after the pass has ended, as the engine may.
func checkRead(t *testing.T, s pipeline.Source) {
	var samples []pipeline.Sample
	for sample, err := range s.Samples(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample)
	}
	whole := 0
	for _, sample := range samples {
		data, err := readSample(sample)
		if err != nil {
			continue
		}
		if _, err := png.Decode(bytes.NewReader(data)); err != nil {
			t.Error(err)
		}
		whole++
	}
	if whole == 0 {
		t.Error("no sample can be read")
	}
}

func checkDigest(t *testing.T, f fixture) {
	describe := func() pipeline.SourceInfo {
		info, err := f.source().Describe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if len(info.Digest) != 64 {
			t.Errorf("digest is %q", info.Digest)
		}
		return info
	}
	before, again := describe(), describe()
	if !reflect.DeepEqual(before, again) {
		t.Errorf("two listings differ: %v, %v", before, again)
	}
	f.add()
	if after := describe(); after.Digest == before.Digest || after.Samples != before.Samples+1 {
		t.Errorf("one more image: %v became %v", before, after)
	}
}

// ids joins the IDs and labels of samples for comparisons.
func ids(samples []pipeline.Sample) string {
	var b strings.Builder
	for _, s := range samples {
		fmt.Fprintf(&b, "%s=%d ", s.ID, s.Label)
	}
	return strings.TrimSpace(b.String())
}

// wantError checks that an error has all of the words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q lacks %q", err, word)
		}
	}
}
