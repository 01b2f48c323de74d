package imaging

import (
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
				pix := takeSpare(n)
				if pix == nil {
					return
				}
				first := &pix[:1][0]
				if cap(pix) < n || cap(pix) > n+n/2 || !waiting[first] {
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
