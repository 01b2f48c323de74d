//go:build !cgo || !(amd64 || arm64)

package corruption

func warpRow(out, from []float32, w, h int, xs, ys []float64) { warpRowGo(out, from, w, h, xs, ys) }
