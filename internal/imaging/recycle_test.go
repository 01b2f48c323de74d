package imaging

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRoundedSize: a size that was rounded stays as it is, and wastes at most
// a quarter of what is asked for.
func TestRoundedSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1<<40).Draw(t, "n")
		size := roundedSize(n)
		if size < n || size > n+n/4 {
			t.Fatalf("size %d for %d", size, n)
		}
		if again := roundedSize(size); again != size {
			t.Fatalf("size %d, rounded again %d", size, again)
		}
	})
}

// TestSpareMemory: what is taken was given back, is large enough, is not taken
// twice and wastes little; what waits is bounded.
func TestSpareMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		waiting := map[*byte]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"recycle": func(t *rapid.T) {
				pix := make([]byte, roundedSize(rapid.IntRange(1<<10, 4<<20).Draw(t, "bytes")))
				waiting[&pix[0]] = true
				Recycle(&Image{Pix: pix})
			},
			"take": func(t *rapid.T) {
				n := rapid.IntRange(1<<10, 4<<20).Draw(t, "bytes")
				fits := slices.ContainsFunc(spare.buffers, func(pix []byte) bool { return n <= cap(pix) && cap(pix) <= n+n/4 })
				pix := takeSpare(n)
				if fits != (pix != nil) {
					t.Fatalf("took %d bytes for %d; one fits: %v", cap(pix), n, fits)
				}
				if pix == nil {
					return
				}
				first := &pix[:1][0]
				if cap(pix) < n || cap(pix) > n+n/4 || !waiting[first] {
					t.Fatalf("took %d bytes for %d; it waited: %v", cap(pix), n, waiting[first])
				}
				delete(waiting, first)
			},
			"": func(t *rapid.T) {
				sum := 0
				for _, pix := range spare.buffers {
					sum += cap(pix)
				}
				if sum != spare.bytes || sum > spareBytes {
					t.Fatalf("%d bytes wait, counted as %d", sum, spare.bytes)
				}
			},
		})
		spare.buffers, spare.bytes = nil, 0
	})
}

func TestRecycleNothing(t *testing.T) {
	Recycle(&Image{})
	if m := reused(1, 1); len(m.Pix) != 3 {
		t.Errorf("got %d bytes, want 3", len(m.Pix))
	}
}

// TestRecycledMemoryIsWrittenOver: what an image held before must not show
// through in the next, the padding of a crop included.
func TestRecycledMemoryIsWrittenOver(t *testing.T) {
	src := New(3, 2)
	for i := range src.Pix {
		src.Pix[i] = byte(i)
	}
	pad := Transform{Mode: ResizeNone, CropW: 5, CropH: 4}
	want, err := pad.Apply(src)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		used := reused(5, 4)
		for i := range used.Pix {
			used.Pix[i] = 0xff
		}
		Recycle(used)
		got, err := pad.Apply(src)
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Pix) != string(want.Pix) {
			t.Fatalf("got %v, want %v", got.Pix, want.Pix)
		}
	}
}

// TestDecodeIntoMemory: the picture is the same, whatever the memory holds and
// has room for.
func TestDecodeIntoMemory(t *testing.T) {
	drawn := image.NewRGBA(image.Rect(0, 0, 13, 7))
	for i := range drawn.Pix {
		drawn.Pix[i] = byte(i * i)
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, drawn, nil); err != nil {
		t.Fatal(err)
	}
	data := file.Bytes()
	want, _, err := Decode(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 10, len(want.Pix) - 1, len(want.Pix), 2 * len(want.Pix)} {
		memory := bytes.Repeat([]byte{0xa5}, size)
		got, _, err := Decode(data, Options{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		if got.W != want.W || got.H != want.H || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("memory of %d bytes changes the picture", size)
		}
	}
}

func TestPictureLiesInMemoryWithRoom(t *testing.T) {
	const size = 3 * 4 * 5
	for _, room := range []int{0, size - 1, size, 2 * size} {
		memory := make([]byte, 0, room)
		m := Options{Memory: memory}.picture(4, 5)
		if len(m.Pix) != size {
			t.Fatalf("%d bytes of memory: the picture has %d, want %d", room, len(m.Pix), size)
		}
		if lies := room > 0 && &m.Pix[0] == &memory[:1][0]; lies != (room >= size) {
			t.Errorf("%d bytes of memory for a picture of %d: it lies there: %v", room, size, lies)
		}
	}
}
