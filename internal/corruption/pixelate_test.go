package corruption

import (
	"hash/crc32"
	"testing"
)

// pillowPixelate has the CRC-32 (IEEE) of tiled(w, h) shrunk by Pillow 12.3's
// box filter and enlarged by box (as ImageNet-C) and by nearest (as
// imagecorruptions).
var pillowPixelate = []struct {
	w, h, severity int
	box, nearest   uint32
}{
	{2, 2, 1, 0xa93d598a, 0xa93d598a},
	{2, 2, 2, 0xa93d598a, 0xa93d598a},
	{5, 7, 1, 0xb222515b, 0xb68554f5},
	{5, 7, 2, 0xa824131a, 0xa824131a},
	{5, 7, 3, 0x83209d40, 0x281867f2},
	{5, 7, 4, 0xb0cfc0d6, 0x5761d5f6},
	{5, 7, 5, 0xcee58aae, 0xcee58aae},
	{16, 17, 1, 0x659527a8, 0x659527a8},
	{16, 17, 2, 0xed0c3e4d, 0xed0c3e4d},
	{16, 17, 3, 0xfde6c934, 0xfde6c934},
	{16, 17, 4, 0x209b1cf3, 0x209b1cf3},
	{16, 17, 5, 0x7e19388b, 0x7e19388b},
	{31, 33, 1, 0xd69d166c, 0xd69d166c},
	{31, 33, 2, 0xa4b81785, 0x62708c},
	{31, 33, 3, 0x417df30f, 0x612b1d82},
	{31, 33, 4, 0xb1ec8e50, 0xb1ec8e50},
	{31, 33, 5, 0x50990baa, 0x6fc7d141},
	{100, 4, 1, 0x717e3996, 0x717e3996},
	{100, 4, 2, 0x6c95aabe, 0x6c95aabe},
	{100, 4, 3, 0x324d8d2b, 0x3773d07b},
	{100, 4, 4, 0xe17b9eb5, 0xe17b9eb5},
	{100, 4, 5, 0xdb53e2c9, 0xdb53e2c9},
	{4, 100, 1, 0xf293b487, 0xf293b487},
	{4, 100, 2, 0xf2c2f56d, 0xf2c2f56d},
	{4, 100, 3, 0xbd4731c9, 0x7cd77a9f},
	{4, 100, 4, 0xfab2d780, 0xfab2d780},
	{4, 100, 5, 0x9bdd817c, 0x9bdd817c},
	{299, 50, 1, 0xd464b3e5, 0xd464b3e5},
	{299, 50, 2, 0x2fbd3422, 0x2fbd3422},
	{299, 50, 3, 0x8b1ff1f3, 0xc113702b},
	{299, 50, 4, 0x93932892, 0x93932892},
	{299, 50, 5, 0x7970dfc7, 0x65ee96cd},
	{224, 224, 1, 0xb2322da2, 0xb2322da2},
	{224, 224, 2, 0x57fc9bc2, 0x57fc9bc2},
	{224, 224, 3, 0x97819039, 0x97819039},
	{224, 224, 4, 0xce120c4c, 0xce120c4c},
	{224, 224, 5, 0x40754c7a, 0x40754c7a},
	{75, 50, 1, 0x283f9a3, 0x283f9a3},
	{75, 50, 2, 0x11d37e92, 0x11d37e92},
	{75, 50, 3, 0x919c8cd0, 0xf2d45475},
	{75, 50, 4, 0x87609061, 0x8769f351},
	{75, 50, 5, 0x92d9635f, 0x92d9635f},
}

func TestPixelateEqualsPillow(t *testing.T) {
	c := named(t, "pixelate")
	for _, want := range pillowPixelate {
		for variant, crc := range map[Variant]uint32{ImageNetC: want.box, ImageCorruptions: want.nearest} {
			m, err := c.Corrupt(tiled(want.w, want.h), want.severity, nil, Options{Variant: variant})
			if err != nil {
				t.Fatal(err)
			}
			if got := crc32.ChecksumIEEE(m.Pix); got != crc {
				t.Errorf("%dx%d severity %d variant %d: CRC %#08x, want %#08x", want.w, want.h, want.severity, variant, got, crc)
			}
		}
	}
}
