package corruption

import (
	"fmt"
	"math"

	"quba/internal/imaging"
)

func init() {
	register(Corruption{Name: "frost", Order: 8, Apply: frost})
}

// frostWeights are those of the image and of the frost on it.
var frostWeights = [MaxSeverity]struct{ image, frost float64 }{
	{1, 0.4}, {0.8, 0.6}, {0.7, 0.7}, {0.65, 0.7}, {0.6, 0.75},
}

// frost lays a part of a texture over the image, at a random place: one of
// the five of Options.Frost, otherwise one that is made (see frost_made.go).
func frost(dst, src *imaging.Image, severity int, d Draws, o Options) error {
	c := frostWeights[severity-1]
	var image, ice [256]float64
	for v := range image {
		image[v], ice[v] = c.image*float64(v), c.frost*float64(v)
	}
	window, err := frostWindow(src.W, src.H, d, o)
	if err != nil {
		return err
	}
	row := borrowBytes(3 * src.W)
	defer bytePool.Put(row)
	for y := range src.H {
		window.read(*row, y)
		in, out := src.Pix[3*y*src.W:][:len(*row)], dst.Pix[3*y*src.W:][:len(*row)]
		for i, v := range *row {
			out[i] = byte(min(image[in[i]]+ice[v], 255))
		}
	}
	window.close()
	return nil
}

// frostPart is a part of a texture, read by rows from the top.
type frostPart interface {
	// read fills dst with row y of the part.
	read(dst []byte, y int)
	close()
}

// frostWindow chooses a texture and a place in it for an image of w x h.
func frostWindow(w, h int, d Draws, o Options) (frostPart, error) {
	if o.Frost == nil {
		return madeFrostWindow(d), nil
	}
	i := d.IntN(len(o.Frost))
	texture := o.Frost[i]
	if o.Variant == ImageCorruptions {
		return enlargedWindow(texture, w, h, d), nil
	}
	if texture.W < w || texture.H < h {
		return nil, fmt.Errorf("texture frost%d of %dx%d does not cover the image of %dx%d; the variant imagecorruptions enlarges textures",
			i+1, texture.W, texture.H, w, h)
	}
	y := place(d, texture.H-h)
	return wrapped{texture, place(d, texture.W-w), y}, nil
}

// place is uniform in 0..n-1, and 0 where a texture just fits.
func place(d Draws, n int) int {
	if n == 0 {
		return 0
	}
	return d.IntN(n)
}

// wrapped is a texture that goes on beyond its edges, from pixel (x, y).
type wrapped struct {
	texture *imaging.Image
	x, y    int
}

func (t wrapped) read(dst []byte, y int) {
	stride := 3 * t.texture.W
	row := t.texture.Pix[(t.y+y)%t.texture.H*stride:][:stride]
	for from := 3 * t.x; len(dst) > 0; from = 0 {
		n := copy(dst, row[from:])
		dst = dst[n:]
	}
}

func (wrapped) close() {}

// frostEnlargement is how much larger than needed a texture becomes.
const frostEnlargement = 1.1

// enlargedWindow is a part of the texture enlarged by frostEnlargement, and
// by more where it would not cover the image.
func enlargedWindow(texture *imaging.Image, w, h int, d Draws) frostPart {
	scale := max(1, float64(w)/float64(texture.W), float64(h)/float64(texture.H)) * frostEnlargement
	width := int(math.Ceil(float64(texture.W) * scale))
	height := int(math.Ceil(float64(texture.H) * scale))
	y := place(d, height-h)
	return newCubicWindow(texture, width, height, place(d, width-w), y, w)
}
