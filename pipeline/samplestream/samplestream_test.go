package samplestream_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/samplestream"
)

func encode(t testing.TB, h samplestream.Header, samples ...pipeline.Sample) []byte {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	if tt, ok := t.(*testing.T); ok {
		defer mem.AssertSize(tt, 0)
	}
	var out bytes.Buffer
	e := samplestream.NewEncoder(&out, h, mem)
	defer e.Release()
	for _, s := range samples {
		if err := e.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decode(data []byte, mem memory.Allocator) (h samplestream.Header, samples []pipeline.Sample, err error) {
	d, err := samplestream.NewDecoder(bytes.NewReader(data), mem)
	if err != nil {
		return h, nil, err
	}
	defer d.Close()
	for s, err := range d.Samples() {
		if err != nil {
			return d.Header(), samples, err
		}
		samples = append(samples, s)
	}
	return d.Header(), samples, nil
}

func sample(i, w, h int) pipeline.Sample {
	return pipeline.Sample{
		Seq: uint64(i), ID: fmt.Sprintf("cat/%d.png", i), Path: fmt.Sprintf("/data/cat/%d.png", i), Label: int32(i), Cue: -1,
		Image: pipelinetest.Picture(w, h, uint64(i)),
	}
}

func TestSamplesComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := samplestream.Header{
			Seed: rapid.Uint64().Draw(rt, "seed"), Classes: rapid.IntRange(0, 1<<20).Draw(rt, "classes"), Dataset: rapid.StringMatching("[0-9a-f]{0,64}").Draw(rt, "digest"),
		}
		var want []pipeline.Sample
		for i := range rapid.IntRange(0, 70).Draw(rt, "n") {
			s := sample(i, rapid.IntRange(1, 9).Draw(rt, "w"), rapid.IntRange(1, 9).Draw(rt, "h"))
			s.ID, s.Path = rapid.String().Draw(rt, "id"), rapid.String().Draw(rt, "path")
			s.Label, s.Cue = rapid.Int32Min(-1).Draw(rt, "label"), rapid.Int32Min(-1).Draw(rt, "cue")
			s.Variant = pipeline.Variant{Perturbation: rapid.SampledFrom([]string{"", "fog", "fog+none"}).Draw(rt, "p"), Severity: rapid.Int32Range(0, 5).Draw(rt, "s")}
			s.Whole = rapid.Bool().Draw(rt, "whole")
			want = append(want, s)
		}
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		gotHeader, got, err := decode(encode(t, h, want...), mem)
		if err != nil {
			rt.Fatal(err)
		}
		mem.AssertSize(t, 0)
		if diff := cmp.Diff(h, gotHeader); diff != "" {
			rt.Error(diff)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Error(diff)
		}
	})
}

// A batch must not wait for more rows than fit in little memory.
func TestRecordBatchesAreSmall(t *testing.T) {
	var samples []pipeline.Sample
	for i := range 10 {
		samples = append(samples, sample(i, 1000, 1000))
	}
	r, err := samplestream.NewReader(bytes.NewReader(encode(t, samplestream.Header{}, samples...)), memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	batches := 0
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		batches++
		if rec.NumRows() > 1 {
			t.Errorf("a batch has %d images of 3 MB", rec.NumRows())
		}
	}
	if batches != 10 {
		t.Errorf("%d batches", batches)
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	whole := encode(t, samplestream.Header{Seed: 1}, sample(0, 3, 2), sample(1, 2, 2))
	for n := range whole {
		if _, _, err := decode(whole[:n], memory.DefaultAllocator); err == nil {
			t.Fatalf("the first %d of %d bytes are read as a whole stream", n, len(whole))
		}
	}
	if _, got, err := decode(whole, memory.DefaultAllocator); err != nil || len(got) != 2 {
		t.Fatalf("%d samples, %v", len(got), err)
	}
}

// foreign writes a stream as another program would.
func foreign(t testing.TB, schema *arrow.Schema, fill func(*array.RecordBuilder), options ...ipc.Option) []byte {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	fill(b)
	rec := b.NewRecord()
	defer rec.Release()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, append(options, ipc.WithSchema(schema))...)
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func few(meta map[string]string) *arrow.Schema {
	m := arrow.MetadataFrom(meta)
	return arrow.NewSchema([]arrow.Field{
		{Name: "pixels", Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: "mine", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32)},
		{Name: "height", Type: arrow.PrimitiveTypes.Int32},
		{Name: "width", Type: arrow.PrimitiveTypes.Int32},
		{Name: "id", Type: arrow.BinaryTypes.String},
	}, &m)
}

func row(w, h int32, pixels []byte) func(*array.RecordBuilder) {
	return func(b *array.RecordBuilder) {
		if pixels == nil {
			b.Field(0).AppendNull()
		} else {
			b.Field(0).(*array.BinaryBuilder).Append(pixels)
		}
		b.Field(1).(*array.ListBuilder).Append(true)
		b.Field(2).(*array.Int32Builder).Append(h)
		b.Field(3).(*array.Int32Builder).Append(w)
		b.Field(4).(*array.StringBuilder).Append("x")
	}
}

func TestOnlyTheEssentialColumnsAreNeeded(t *testing.T) {
	_, got, err := decode(foreign(t, few(nil), row(2, 1, []byte("abcdef"))), memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	want := []pipeline.Sample{{ID: "x", Path: "x", Label: -1, Cue: -1, Image: &pipeline.Image{W: 2, H: 1, Pix: []byte("abcdef")}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrongStreamsSaySo(t *testing.T) {
	narrow := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.BinaryTypes.LargeString}, {Name: "id", Type: arrow.BinaryTypes.String}, {Name: "width", Type: arrow.PrimitiveTypes.Int64}}, nil)
	huge := binary.LittleEndian.AppendUint32([]byte{0xff, 0xff, 0xff, 0xff}, 1<<31-1)
	for name, c := range map[string]struct {
		data []byte
		want []string
	}{
		"empty":       {nil, []string{"ends early"}},
		"text":        {[]byte("id,width,height\n"), []string{"not an Arrow IPC stream"}},
		"file format": {[]byte("ARROW1\x00\x00\xff\xff\xff\xff"), []string{"not an Arrow IPC stream"}},
		"end at once": {[]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, []string{"has no schema"}},
		"huge head":   {huge, []string{"bytes of metadata; at most"}},
		"columns": {
			foreign(t, narrow, func(*array.RecordBuilder) {}),
			[]string{`column "id" stands 2 times`, `"width" must be of type int32, is int64`, `"height" is missing`, `"pixels" is missing`},
		},
		"seed":       {foreign(t, few(map[string]string{"quba.seed": "-1"}), row(1, 1, []byte("rgb"))), []string{"quba.seed must be a whole number"}},
		"classes":    {foreign(t, few(map[string]string{"quba.classes": "many"}), row(1, 1, []byte("rgb"))), []string{"quba.classes must be"}},
		"version":    {foreign(t, few(map[string]string{"quba.samples": "9"}), row(1, 1, []byte("rgb"))), []string{`version "9"`}},
		"null":       {foreign(t, few(nil), row(1, 1, nil)), []string{`"pixels" must have no nulls`}},
		"no width":   {foreign(t, few(nil), row(0, 1, []byte("rgb"))), []string{"x: an image must have between 1 and", "got 0x1"}},
		"too large":  {foreign(t, few(nil), row(1<<30, 1<<30, []byte("rgb"))), []string{"got 1073741824x1073741824"}},
		"few pixels": {foreign(t, few(nil), row(2, 2, []byte("rgb"))), []string{"12 bytes of RGB pixels, got 3"}},
		"compressed": {foreign(t, few(nil), row(1, 1, []byte("rgb")), ipc.WithZstd()), []string{"write it without compression"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := decode(c.data, memory.DefaultAllocator)
			if err == nil {
				t.Fatal("no error")
			}
			for _, words := range c.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q lacks %q", err, words)
				}
			}
		})
	}
}

func TestPixelsAreNeeded(t *testing.T) {
	e := samplestream.NewEncoder(io.Discard, samplestream.Header{}, memory.DefaultAllocator)
	defer e.Release()
	if err := e.Append(pipeline.Sample{ID: "x"}); err == nil || !strings.Contains(err.Error(), "x: a sample needs its pixels") {
		t.Error(err)
	}
}

type broken struct{}

var errBroken = errors.New("nobody reads")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestTheErrorOfTheWriterIsKept(t *testing.T) {
	e := samplestream.NewEncoder(broken{}, samplestream.Header{}, memory.DefaultAllocator)
	defer e.Release()
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		err = e.Append(sample(i, 64, 64))
	}
	if !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

// FuzzDecoder feeds damaged streams: no panic, no large allocation, and what
// is read keeps the promises of a sample.
func FuzzDecoder(f *testing.F) {
	whole := encode(f, samplestream.Header{Seed: 3, Classes: 10}, sample(0, 3, 2), sample(1, 1, 1))
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(foreign(f, few(nil), row(2, 1, []byte("abcdef"))))
	f.Add(foreign(f, few(nil), row(2, 1, []byte("abcdef")), ipc.WithLZ4()))
	for _, at := range []int{8, 20, 200, len(whole) / 2, len(whole) - 30} {
		damaged := bytes.Clone(whole)
		binary.LittleEndian.PutUint64(damaged[at:], 1<<62+7)
		f.Add(damaged)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, samples, _ := decode(data, memory.DefaultAllocator)
		for _, s := range samples {
			if len(s.Image.Pix) != 3*s.Image.W*s.Image.H || s.Label < -1 {
				t.Errorf("%+v", s)
			}
		}
	})
}

// TestDecisionTravels: whoever reads the stream decides as whoever wrote it.
func TestDecisionTravels(t *testing.T) {
	decision := &record.Decision{Name: "coarse", Classes: []string{"a", "b"}, Of: []int32{0, -1, 1}, Rule: record.Mean, Ties: record.Last}
	h, samples, err := decode(encode(t, samplestream.Header{Decision: decision}, sample(0, 3, 2)), memory.DefaultAllocator)
	if err != nil || !reflect.DeepEqual(h.Decision, decision) || samples[0].Decision != h.Decision {
		t.Errorf("got %+v, %+v, %v", h, samples, err)
	}
	decision.Of[0] = 5
	if _, _, err := decode(encode(t, samplestream.Header{Decision: decision}, sample(0, 3, 2)), memory.DefaultAllocator); err == nil || !strings.Contains(err.Error(), "output 0 belongs to class 5") {
		t.Errorf("got %v", err)
	}
}
