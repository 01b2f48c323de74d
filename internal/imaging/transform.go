package imaging

// Filter is a resampling filter of Pillow.
type Filter uint8

const (
	Nearest Filter = iota
	Box
	Bilinear
	Hamming
	Bicubic
	Lanczos
)

// ResizeMode says how the sizes of a Transform are read.
type ResizeMode uint8

const (
	// ResizeNone leaves the image as it is.
	ResizeNone ResizeMode = iota
	// ResizeShorter makes the shorter side ResizeH long and keeps the aspect:
	// torchvision Resize(int). The longer side is truncated to a whole number.
	ResizeShorter
	// ResizeExact makes the image ResizeW x ResizeH, whatever its aspect:
	// timm's squash, ViT's size {height, width}.
	ResizeExact
	// ResizeLonger makes the longer side ResizeH long and keeps the aspect:
	// timm's border mode, whose crop pads with PadColor.
	ResizeLonger
)

// Transform is the geometric half of a model's preprocessing: resize, then
// centre crop. It is comparable, so that equal transforms are done once.
type Transform struct {
	Mode             ResizeMode
	ResizeW, ResizeH int
	Filter           Filter
	// CropW and CropH are the final size; 0 leaves the resized image whole. A
	// crop larger than the image pads with PadColor, as torchvision pads with 0.
	CropW, CropH int
	PadColor     [3]uint8
}
