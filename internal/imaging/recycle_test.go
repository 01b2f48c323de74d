package imaging

import (
	"testing"

	"pgregory.net/rapid"
)

// TestSizeClass: a class holds buffers of one size, which is its own class's,
// and wastes at most a quarter of what is asked for.
func TestSizeClass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(9, 1<<40).Draw(t, "n")
		class, size := sizeClass(n)
		if size < n || size > n+n/4 {
			t.Fatalf("size %d for %d", size, n)
		}
		if c, s := sizeClass(size); c != class || s != size {
			t.Fatalf("class %d of size %d, but %d of its own size %d", class, size, c, s)
		}
		if larger, _ := sizeClass(size + 1); larger <= class {
			t.Fatalf("class %d for %d, and %d for more", class, size, larger)
		}
	})
}

func TestSizeClassOfFewBytes(t *testing.T) {
	for n := 1; n <= 9; n++ {
		if class, size := sizeClass(n); class < 0 || class >= len(spare) || size < n || size > 10 {
			t.Errorf("%d: class %d, size %d", n, class, size)
		}
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
