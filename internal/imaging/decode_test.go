package imaging

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pillowDir = "testdata/pillow"

func digest(m *Image) string {
	sum := sha256.Sum256(m.Pix)
	return hex.EncodeToString(sum[:])
}

// pillowCase is what Pillow makes of one file, as generate.py recorded it.
type pillowCase struct {
	Width, Height int
	SHA256        string
	UprightSHA256 string `json:"upright_sha256"`
}

func TestDecodeAsPillow(t *testing.T) {
	var expected struct{ Pictures map[string]pillowCase }
	if err := json.Unmarshal(readFile(t, pillowDir, "expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected.Pictures) == 0 {
		t.Fatal("no pictures listed")
	}
	for name, want := range expected.Pictures {
		t.Run(name, func(t *testing.T) {
			if JPEGDecoder() == pureGoJPEG && filepath.Ext(name) == ".jpg" {
				t.Skip("only libjpeg-turbo is exact")
			}
			data := readFile(t, pillowDir, name)
			m := mustDecode(t, data)
			if m.W != want.Width || m.H != want.Height {
				t.Fatalf("size %dx%d, want %dx%d", m.W, m.H, want.Width, want.Height)
			}
			if digest(m) != want.SHA256 {
				t.Errorf("pixels differ from Pillow's; they begin %v", m.Pix[:min(24, len(m.Pix))])
			}
			m, _, err := Decode(data, Options{ApplyEXIF: true})
			if err != nil {
				t.Fatal(err)
			}
			if digest(m) != want.UprightSHA256 {
				t.Error("pixels turned upright differ from Pillow's")
			}
		})
	}
}

func TestPureGoJPEG(t *testing.T) {
	for _, c := range readManifest(t).Decode {
		if filepath.Ext(c.Input) != ".jpg" {
			continue
		}
		t.Run(filepath.Base(c.Input), func(t *testing.T) {
			m, _, err := decodeJPEGGo(readFile(t, goldenDir, c.Input), Options{})
			if err != nil {
				t.Fatal(err)
			}
			requireClose(t, m, readPNG(t, goldenDir, c.Expected), pureGoMean)
		})
	}
}

// TestPureGoJPEGAgainstTurbo covers the chroma layouts that the goldens lack.
func TestPureGoJPEGAgainstTurbo(t *testing.T) {
	if JPEGDecoder() == pureGoJPEG {
		t.Skip("this build has no libjpeg-turbo to compare with")
	}
	for _, name := range []string{"440", "411", "410", "narrow", "restart", "rgb", "cmyk", "ycck"} {
		t.Run(name, func(t *testing.T) {
			data := readFile(t, pillowDir, "jpeg_"+name+".jpg")
			m, _, err := decodeJPEGGo(data, Options{})
			if err != nil {
				t.Fatal(err)
			}
			mean := pureGoMean
			if name == "ycck" {
				mean = 0.2 // image/jpeg converts these colours itself
			}
			requireClose(t, m, mustDecode(t, data), mean)
		})
	}
}

func TestInfo(t *testing.T) {
	for name, want := range map[string]Info{
		"jpeg420.jpg":        {Format: "jpeg", Decoder: JPEGDecoder()},
		"png_rgba.png":       {Format: "png", Decoder: "go image/png"},
		"webp_lossless.webp": {Format: "webp", Decoder: "golang.org/x/image/webp + fancy upsampling"},
		"bmp.bmp":            {Format: "bmp", Decoder: "golang.org/x/image/bmp"},
		"tiff.tiff":          {Format: "tiff", Decoder: "golang.org/x/image/tiff"},
		"gif.gif":            {Format: "gif", Decoder: "go compress/lzw"},
	} {
		_, got, err := Decode(readFile(t, goldenDir, "in", name), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDamageThatPillowForgivesIsAWarning(t *testing.T) {
	if JPEGDecoder() == pureGoJPEG {
		t.Skip("image/jpeg refuses damaged scans")
	}
	_, info, err := Decode(readFile(t, pillowDir, "jpeg_early_end.jpg"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(info.Warning, "premature end") {
		t.Errorf("warning %q, want libjpeg's about the premature end", info.Warning)
	}
}

func TestTruncatedFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(goldenDir, "in", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data := readFile(t, file)
		for _, n := range []int{len(data) - 30, len(data) / 2, len(data) / 4, 40, 14, 9} {
			if _, _, err := Decode(data[:n], Options{}); err == nil {
				t.Errorf("%s cut to %d of %d bytes: no error", filepath.Base(file), n, len(data))
			}
		}
		if _, _, err := Decode(data[:len(data)/2], Options{}); !errors.Is(err, ErrTruncated) {
			t.Errorf("%s cut in half: %v; want ErrTruncated", filepath.Base(file), err)
		}
	}
}

// TestMissingEnd holds what Pillow tells apart: a GIF trailer or a PNG end
// chunk is dispensable, a JPEG's last bytes are not.
func TestMissingEnd(t *testing.T) {
	for name, cut := range map[string]int{"gif.gif": 2, "png_rgba.png": 12, "png_la.png": 5} {
		data := readFile(t, goldenDir, "in", name)
		got := mustDecode(t, data[:len(data)-cut])
		requireEqual(t, got, mustDecode(t, data))
	}
	data := readFile(t, goldenDir, "in", "jpeg420.jpg")
	if _, _, err := Decode(data[:len(data)-3], Options{}); !errors.Is(err, ErrTruncated) {
		t.Errorf("JPEG without its last bytes: %v; want ErrTruncated", err)
	}
}

func TestNotAPicture(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"empty":   {"", "file is empty"},
		"html":    {"<!DOCTYPE html><html>404</html>", `begins with "<!DOCTYPE ht"`},
		"bigtiff": {"II+\x00\x08\x00\x00\x00", "content must be"},
		"riff":    {"RIFF\x04\x00\x00\x00WAVE", "content must be"},
	} {
		_, _, err := Decode([]byte(c.data), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want one with %q", name, err, c.want)
		}
	}
}

// pngFile makes a PNG of 8-bit grey from its header's size and its rows.
func pngFile(w, h int, rows []byte) []byte {
	var body bytes.Buffer
	z := zlib.NewWriter(&body)
	_, _ = z.Write(rows)
	_ = z.Close()
	head := make([]byte, 13)
	binary.BigEndian.PutUint32(head, uint32(w))
	binary.BigEndian.PutUint32(head[4:], uint32(h))
	head[8] = 8
	var b bytes.Buffer
	b.WriteString(pngMagic)
	for _, c := range []chunk{{"IHDR", head}, {"IDAT", body.Bytes()}} {
		_ = binary.Write(&b, binary.BigEndian, uint32(len(c.data)))
		sum := crc32.ChecksumIEEE(append([]byte(c.id), c.data...))
		b.WriteString(c.id)
		b.Write(c.data)
		_ = binary.Write(&b, binary.BigEndian, sum)
	}
	b.WriteString(pngEnd)
	return b.Bytes()
}

// gifHead announces a screen of 1x1 and a frame of 65535 x 65535.
const gifHead = "GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x08"

// webpHead is an animation's canvas of 2^24 x 2^24 with an empty frame.
const webpHead = "RIFF\x26\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\xff\xff\xff\xff\xff\xff" +
	"ANMF\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestHugeHeadersAllocateNothing(t *testing.T) {
	jpg := readFile(t, goldenDir, "in", "jpeg420.jpg")
	sof := bytes.Index(jpg, []byte{0xff, 0xc0})
	copy(jpg[sof+5:], "\xff\xdc\xff\xdc")
	bmp := readFile(t, goldenDir, "in", "bmp.bmp")
	binary.LittleEndian.PutUint32(bmp[18:], 100_000)
	binary.LittleEndian.PutUint32(bmp[22:], 100_000)
	for name, data := range map[string][]byte{
		"png":  pngFile(100_000, 100_000, nil),
		"jpeg": jpg,
		"bmp":  bmp,
		"gif":  []byte(gifHead),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := Decode(data, Options{})
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v; want ErrTooLarge", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
	if _, _, err := Decode([]byte(webpHead), Options{}); err == nil {
		t.Error("webp: no error")
	}
}

func TestMaxPixels(t *testing.T) {
	for _, name := range []string{"jpeg420.jpg", "png_rgba.png", "webp_lossy.webp", "bmp.bmp", "tiff.tiff", "gif.gif"} {
		data := readFile(t, goldenDir, "in", name)
		m, _, err := Decode(data, Options{MaxPixels: 131 * 97})
		if err != nil || m.W != 131 || m.H != 97 {
			t.Errorf("%s: %v at exactly the limit", name, err)
		}
		if _, _, err := Decode(data, Options{MaxPixels: 131*97 - 1}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v; want ErrTooLarge", name, err)
		}
	}
}

func TestExtremeShapes(t *testing.T) {
	const tall = 65_500
	rows := make([]byte, 2*tall)
	for y := range tall {
		rows[2*y+1] = byte(y)
	}
	m := mustDecode(t, pngFile(1, tall, rows))
	if r, _, _ := m.At(0, 300); m.W != 1 || m.H != tall || r != 300%256 {
		t.Errorf("%dx%d, pixel %d", m.W, m.H, r)
	}
	tr := Transform{Mode: ResizeShorter, ResizeH: 256, Filter: Bicubic, CropW: 224, CropH: 224}
	if m, err := tr.Apply(m); err != nil || m.W != 224 || m.H != 224 {
		t.Errorf("crop of the panorama: %v", err)
	}
	one := mustDecode(t, pngFile(1, 1, []byte{0, 7}))
	if diff := cmp.Diff(&Image{W: 1, H: 1, Pix: []byte{7, 7, 7}}, one); diff != "" {
		t.Error(diff)
	}
	if _, _, err := Decode(pngFile(0, 5, nil), Options{}); err == nil {
		t.Error("a picture without pixels: no error")
	}
}

func TestEncodePNGRoundTrip(t *testing.T) {
	want := mustDecode(t, readFile(t, goldenDir, "in", "odd.png"))
	var b bytes.Buffer
	if err := EncodePNG(&b, want); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "m.png")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	requireEqual(t, readPNG(t, file), want)
}

func FuzzDecode(f *testing.F) {
	for _, dir := range []string{filepath.Join(goldenDir, "in"), pillowDir} {
		files, err := filepath.Glob(filepath.Join(dir, "*.*"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			f.Add(readFile(f, file))
		}
	}
	f.Add([]byte(gifHead))
	f.Add([]byte(webpHead))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		m, info, err := Decode(data, Options{MaxPixels: limit, ApplyEXIF: true})
		if err != nil {
			return
		}
		if m.W < 1 || m.H < 1 || m.W*m.H > limit || len(m.Pix) != 3*m.W*m.H {
			t.Fatalf("%s: %dx%d with %d bytes", info.Format, m.W, m.H, len(m.Pix))
		}
		if info.Format != "jpeg" {
			return
		}
		if m, _, err := decodeJPEGGo(data, Options{MaxPixels: limit}); err == nil && len(m.Pix) != 3*m.W*m.H {
			t.Fatalf("go: %dx%d with %d bytes", m.W, m.H, len(m.Pix))
		}
	})
}
