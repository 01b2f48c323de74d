package corruption

import (
	"math"
	"testing"

	"quba/internal/imaging"
)

// TestDiskKernelSums: the sums that OpenCV's kernels have in the reference code.
func TestDiskKernelSums(t *testing.T) {
	for i, want := range []float64{1, 1, 1, 1.01298, 1.01079} {
		sum := 0.0
		for _, k := range diskKernel(defocusSteps[i].radius, defocusSteps[i].sigma) {
			sum += float64(k)
		}
		if math.Abs(sum-want) > 1e-5 {
			t.Errorf("severity %d: the kernel's sum is %v, want %v", i+1, sum, want)
		}
	}
}

func TestDefocusBlurIsFilterOfDisk(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 5}, {40, 2}, {2, 40}, {31, 29}} {
		for severity := 1; severity <= MaxSeverity; severity++ {
			src := noiseImage(size[0], size[1])
			dst := imaging.New(src.W, src.H)
			if err := defocusBlur(dst, src, severity, nil, Options{}); err != nil {
				t.Fatal(err)
			}
			step := defocusSteps[severity-1]
			for i, want := range filtered(src, diskKernel(step.radius, step.sigma), max(8, step.radius)) {
				if got := float64(dst.Pix[i]); math.Abs(got+0.5-min(want, 255.5)) > 0.5+0.01 {
					t.Fatalf("%dx%d severity %d: sample %d is %v, want %v", src.W, src.H, severity, i, got, want)
				}
			}
		}
	}
}

// filtered is the sum over all weights of a square kernel.
func filtered(src *imaging.Image, kernel []float32, half int) []float64 {
	out := make([]float64, len(src.Pix))
	n := 2*half + 1
	for i := range out {
		y, x, c := i/3/src.W, i/3%src.W, i%3
		for j, k := range kernel {
			row, column := mirroredAt(y+j/n-half, src.H), mirroredAt(x+j%n-half, src.W)
			out[i] += float64(k) * float64(src.Pix[3*(row*src.W+column)+c])
		}
	}
	return out
}

func mirroredAt(i, n int) int { return mirrored(i, n, false) }
