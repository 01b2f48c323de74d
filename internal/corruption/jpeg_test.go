package corruption

import (
	"bytes"
	"hash/crc32"
	"testing"

	"quba/internal/imaging"
)

// tiled is a picture of ramps, noise and hard edges in tiles of 8x8, made of
// integers only so that another program can make the same.
func tiled(w, h int) *imaging.Image {
	m := imaging.New(w, h)
	noise := uint32(w*65537 + h)
	for i := range m.Pix {
		x, y, c := i/3%w, i/3/w, i%3
		noise = noise*1664525 + 1013904223
		switch (x/8 + y/8) % 3 {
		case 0:
			m.Pix[i] = byte(x*(c+3) + y*(5-c))
		case 1:
			m.Pix[i] = byte(noise >> 24)
		default:
			if (x*y+c)%7 < 3 {
				m.Pix[i] = 255
			}
		}
	}
	return m
}

// pillowJPEG has the CRC-32 (IEEE) of the RGB bytes that Pillow 12.3 with
// libjpeg-turbo reads back of tiled(w, h) saved with a quality.
var pillowJPEG = []struct {
	w, h, quality int
	crc           uint32
}{
	{1, 1, 1, 0x909fb2f2},
	{1, 1, 7, 0xff41d912},
	{1, 1, 25, 0xff41d912},
	{1, 1, 49, 0xff41d912},
	{1, 1, 50, 0xff41d912},
	{1, 1, 85, 0xff41d912},
	{1, 1, 95, 0xff41d912},
	{1, 1, 100, 0xff41d912},
	{1, 7, 1, 0xbab4e34b},
	{1, 7, 7, 0xe1688461},
	{1, 7, 25, 0xb6189f59},
	{1, 7, 49, 0xf012f681},
	{1, 7, 50, 0xf012f681},
	{1, 7, 85, 0x13fd4114},
	{1, 7, 95, 0xda912d9},
	{1, 7, 100, 0x75d2fd5e},
	{2, 2, 1, 0x92c4d707},
	{2, 2, 7, 0x456c3998},
	{2, 2, 25, 0x5e99542b},
	{2, 2, 49, 0x1f97d9c8},
	{2, 2, 50, 0x1f97d9c8},
	{2, 2, 85, 0xec87631f},
	{2, 2, 95, 0xbdfeff72},
	{2, 2, 100, 0x7f5e9d89},
	{3, 5, 1, 0xf36986b},
	{3, 5, 7, 0x5a986966},
	{3, 5, 25, 0x4767a87c},
	{3, 5, 49, 0x2f9fb819},
	{3, 5, 50, 0x2f9fb819},
	{3, 5, 85, 0x66cefd2},
	{3, 5, 95, 0xda6c3e99},
	{3, 5, 100, 0xdcf395a6},
	{4, 9, 1, 0x93994727},
	{4, 9, 7, 0x3c9de837},
	{4, 9, 25, 0x7007194b},
	{4, 9, 49, 0x178dda3f},
	{4, 9, 50, 0x29628d5b},
	{4, 9, 85, 0x909943b7},
	{4, 9, 95, 0x7953d46e},
	{4, 9, 100, 0x3158a162},
	{5, 5, 1, 0x2209eb00},
	{5, 5, 7, 0x947fe23},
	{5, 5, 25, 0x8879e447},
	{5, 5, 49, 0xa32ecb34},
	{5, 5, 50, 0xa32ecb34},
	{5, 5, 85, 0xf88195e9},
	{5, 5, 95, 0x1f11d19d},
	{5, 5, 100, 0x59f1d243},
	{8, 8, 1, 0x5703b713},
	{8, 8, 7, 0x11001e39},
	{8, 8, 25, 0x10b2bd80},
	{8, 8, 49, 0xdfb6e514},
	{8, 8, 50, 0xdfb6e514},
	{8, 8, 85, 0xf9b47a08},
	{8, 8, 95, 0x49a0124f},
	{8, 8, 100, 0xa30cf87},
	{9, 16, 1, 0x51ee227f},
	{9, 16, 7, 0x4b42c314},
	{9, 16, 25, 0xe1e7c1fb},
	{9, 16, 49, 0x49a787f5},
	{9, 16, 50, 0x30a0159d},
	{9, 16, 85, 0x7b8265f3},
	{9, 16, 95, 0xc5a4c70e},
	{9, 16, 100, 0xb99fde48},
	{16, 17, 1, 0x68f9ef33},
	{16, 17, 7, 0xdac2c211},
	{16, 17, 25, 0x9e2a6529},
	{16, 17, 49, 0xb75f34bf},
	{16, 17, 50, 0x2121b6c9},
	{16, 17, 85, 0xad50af25},
	{16, 17, 95, 0x89d935ef},
	{16, 17, 100, 0x67353d2f},
	{17, 15, 1, 0x3f8a114},
	{17, 15, 7, 0x9d88f7aa},
	{17, 15, 25, 0xc322fb45},
	{17, 15, 49, 0x38f3563a},
	{17, 15, 50, 0x1484d28c},
	{17, 15, 85, 0x958d3207},
	{17, 15, 95, 0xffe2cda1},
	{17, 15, 100, 0xbd20aa11},
	{31, 33, 1, 0x456c4eca},
	{31, 33, 7, 0x8144dbce},
	{31, 33, 25, 0x29c9b6c2},
	{31, 33, 49, 0xba14861b},
	{31, 33, 50, 0xe0d395e3},
	{31, 33, 85, 0x752f7b85},
	{31, 33, 95, 0xd20f8e31},
	{31, 33, 100, 0xadb4aead},
	{33, 18, 1, 0x1490fab1},
	{33, 18, 7, 0xac9539a4},
	{33, 18, 25, 0x1721a0a7},
	{33, 18, 49, 0x51108b0},
	{33, 18, 50, 0x2e825fdc},
	{33, 18, 85, 0x1b9e4c0c},
	{33, 18, 95, 0x25327844},
	{33, 18, 100, 0x58a4078f},
	{47, 64, 1, 0xaf34026a},
	{47, 64, 7, 0x6cd5f363},
	{47, 64, 25, 0x66257621},
	{47, 64, 49, 0xd936bbc4},
	{47, 64, 50, 0xf92d6ce9},
	{47, 64, 85, 0xe5e61f83},
	{47, 64, 95, 0xeccc6ac4},
	{47, 64, 100, 0x1812b8de},
	{100, 3, 1, 0xd8a7dc7f},
	{100, 3, 7, 0xf94b4ccb},
	{100, 3, 25, 0x3338da70},
	{100, 3, 49, 0x54b36333},
	{100, 3, 50, 0xbfc5724a},
	{100, 3, 85, 0xd2a28c5c},
	{100, 3, 95, 0xfe95f147},
	{100, 3, 100, 0xc2b4c2d8},
	{3, 100, 1, 0x4570c2fa},
	{3, 100, 7, 0xd46e2f07},
	{3, 100, 25, 0x37546059},
	{3, 100, 49, 0x56c0c91a},
	{3, 100, 50, 0x37551c4f},
	{3, 100, 85, 0xc7df2cb3},
	{3, 100, 95, 0xac1d8c8f},
	{3, 100, 100, 0x1a6194c3},
	{50, 37, 1, 0x41789987},
	{50, 37, 7, 0xfc4cd33a},
	{50, 37, 25, 0x84cdac45},
	{50, 37, 49, 0xd5444c5},
	{50, 37, 50, 0x6534da57},
	{50, 37, 85, 0x69d39638},
	{50, 37, 95, 0x556aa13c},
	{50, 37, 100, 0x64ac6677},
	{224, 224, 1, 0x26eaa1de},
	{224, 224, 7, 0x61b13665},
	{224, 224, 25, 0xd01cb441},
	{224, 224, 49, 0x6ae5fa7c},
	{224, 224, 50, 0xf5f127d2},
	{224, 224, 85, 0x43771da9},
	{224, 224, 95, 0x84ba6bd9},
	{224, 224, 100, 0x439a3ae},
	{75, 50, 1, 0x544409d0},
	{75, 50, 7, 0x84d60757},
	{75, 50, 25, 0x8ed50af0},
	{75, 50, 49, 0xe284f033},
	{75, 50, 50, 0xc042d0f5},
	{75, 50, 85, 0xaf713309},
	{75, 50, 95, 0x12d623d0},
	{75, 50, 100, 0x31347823},
}

func TestStoreJPEGEqualsPillow(t *testing.T) {
	for _, want := range pillowJPEG {
		src := tiled(want.w, want.h)
		before := src.Clone()
		dst := imaging.New(want.w, want.h)
		if err := StoreJPEG(dst, src, want.quality); err != nil {
			t.Fatal(err)
		}
		if got := crc32.ChecksumIEEE(dst.Pix); got != want.crc {
			t.Errorf("%dx%d quality %d: CRC %#08x, want %#08x", want.w, want.h, want.quality, got, want.crc)
		}
		if changed, _ := deviation(src, before); changed != 0 {
			t.Errorf("%dx%d quality %d: the input was written", want.w, want.h, want.quality)
		}
	}
}

func TestJPEGStepsAgree(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 9}, {5, 3}, {15, 15}, {16, 16}, {17, 17}, {18, 2}, {33, 40}, {64, 31}, {224, 223}} {
		for quality := 1; quality <= 100; quality += 3 {
			src := tiled(size[0], size[1])
			fast, slow := imaging.New(src.W, src.H), imaging.New(src.W, src.H)
			var c jpegCodec
			c.resize(src.W, src.H)
			c.store(fast, src, quality, fastestJPEG)
			c.store(slow, src, quality, goJPEG{})
			if !bytes.Equal(fast.Pix, slow.Pix) {
				t.Errorf("%dx%d quality %d: %T and goJPEG differ", src.W, src.H, quality, fastestJPEG)
			}
		}
	}
}

// TestJPEGDivision tries all magnitudes that the forward transform can reach.
func TestJPEGDivision(t *testing.T) {
	for step := range 256 {
		if step == 0 {
			continue
		}
		divisor, reciprocal := int32(8*step), float32((1+1./(1<<20))/float64(8*step))
		exact := jpegStep{uint64(1<<32/(8*step)) + 1, int32(4 * step), int32(step)}
		for v := range int32(1 << 14) {
			want := (v + 4*int32(step)) / divisor * int32(step)
			if got := exact.apply(v); got != want {
				t.Fatalf("%d by %d: %d, want %d", v, step, got, want)
			}
			if got := exact.apply(-v); got != -want {
				t.Fatalf("%d by %d: %d, want %d", -v, step, got, -want)
			}
			if got := int32(float32(v+4*int32(step))*reciprocal) * int32(step); got != want {
				t.Fatalf("%d by %d in lanes: %d, want %d", v, step, got, want)
			}
		}
	}
}

func TestStoreJPEGRefusesQuality(t *testing.T) {
	m := tiled(8, 8)
	for _, quality := range []int{-1, 0, 101} {
		if err := StoreJPEG(m, m, quality); err == nil {
			t.Errorf("quality %d is accepted", quality)
		}
	}
}

func testStorage(t *testing.T, g *golden, e goldenEntry) {
	t.Helper()
	m := g.input(t, e.Input)
	if err := StoreJPEG(m, m, StorageQuality); err != nil {
		t.Fatal(err)
	}
	if greatest, mean := deviation(m, g.picture(t, e.File)); greatest > 0 {
		t.Errorf("%s: deviation max %v mean %v", e.File, greatest, mean)
	}
}

func BenchmarkStoreJPEG(b *testing.B) {
	src := loadGolden(b, proceduralGolden).input(b, "dog")
	dst := imaging.New(src.W, src.H)
	b.ReportAllocs()
	for b.Loop() {
		if err := StoreJPEG(dst, src, StorageQuality); err != nil {
			b.Fatal(err)
		}
	}
}
