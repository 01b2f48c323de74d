package autodiff

// channelBlock is how many channels onnxruntime's convolutions want to be a
// multiple of, for their blocked layout.
const channelBlock = 16

// blocked brings images into the blocked layout of onnxruntime's convolutions,
// by one that multiplies with 1. onnxruntime moves to that layout at
// convolutions only, and all that follows stays in it: without this, each sum
// and mask after a ConvTranspose or an Expand reorders its operands.
func (b *builder) blocked(x string) string {
	shape := b.shapes[x]
	if len(shape) != 4 || shape[1]%channelBlock != 0 || b.types[x] != float32Type {
		return x
	}
	channels := shape[1]
	ones := make([]float32, channels)
	for i := range ones {
		ones[i] = 1
	}
	weights := b.constant(float32Tensor([]int64{channels, 1, 1, 1}, ones))
	return b.op("Conv", []string{x, weights}, shape, attribute{"group", channels}, attribute{"kernel_shape", []int64{1, 1}})
}
