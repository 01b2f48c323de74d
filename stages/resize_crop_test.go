package stages

import (
	"testing"

	"quba/pipeline"
)

func TestResizeCrop(t *testing.T) {
	c := defaultsOf[resizeCropConfig](t, "resize_crop")
	for _, test := range []struct {
		change func(*resizeCropConfig)
		w, h   int
		whole  bool
	}{
		{func(*resizeCropConfig) {}, 224, 224, true},
		{func(c *resizeCropConfig) { c.Crop = 0 }, 341, 256, true},
		{func(c *resizeCropConfig) { c.Whole = false }, 224, 224, false},
	} {
		c := c
		test.change(&c)
		in := still(400, 300)
		out := apply(t, makeStage(t, "resize_crop", c), in)[0]
		if out.Image.W != test.w || out.Image.H != test.h || out.Whole != test.whole || out.Variant != (pipeline.Variant{}) {
			t.Errorf("%+v: %dx%d, whole %v, variant %v", c, out.Image.W, out.Image.H, out.Whole, out.Variant)
		}
	}
}

func TestResizeCropRefusesALargerCrop(t *testing.T) {
	c := defaultsOf[resizeCropConfig](t, "resize_crop")
	c.Crop = 257
	_, err := tryMakeStage("resize_crop", c)
	wantFieldError(t, err, "crop")
}
