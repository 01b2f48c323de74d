package corruption

// Lengths of the steps of the 5x5 chamfer distance (Borgefors 1986, with
// OpenCV's weights): to a neighbour, across a corner, and a knight's move.
const (
	chamferStraight = float32(1)
	chamferDiagonal = float32(1.4)
	chamferKnight   = float32(2.1969)
)

// chamferBorder is how far a step reaches.
const chamferBorder = 2

// chamferDistance sets dist to the distance from each pixel to the nearest
// one whose mark is not 0, limited to limit.
func chamferDistance(dist []float32, marks []byte, w, h int, limit float32) {
	stride := w + 2*chamferBorder
	padded := borrowSingles(stride * (h + 2*chamferBorder))
	defer singlePool.Put(padded)
	d := *padded
	for i := range d {
		d[i] = limit
	}
	for y := range h {
		forward(d, marks[y*w:(y+1)*w], (y+chamferBorder)*stride+chamferBorder, stride)
	}
	for y := h - 1; y >= 0; y-- {
		backward(d, w, (y+chamferBorder)*stride+chamferBorder, stride)
		copy(dist[y*w:(y+1)*w], d[(y+chamferBorder)*stride+chamferBorder:])
	}
}

// forward takes the steps from the rows above and from the left, for the row
// that begins at start.
func forward(d []float32, marks []byte, start, stride int) {
	n := len(marks)
	row := d[start-1 : start+n]
	above := d[start-stride-2 : start-stride+n+2]
	top := d[start-2*stride-1 : start-2*stride+n+1]
	for x, mark := range marks {
		if mark != 0 {
			row[x+1] = 0
			continue
		}
		knight := min(top[x], top[x+2], above[x], above[x+4]) + chamferKnight
		diagonal := min(above[x+1], above[x+3]) + chamferDiagonal
		straight := min(above[x+2], row[x]) + chamferStraight
		row[x+1] = min(row[x+1], knight, diagonal, straight)
	}
}

// backward takes the steps from the rows below and from the right.
func backward(d []float32, n, start, stride int) {
	row := d[start : start+n+1]
	below := d[start+stride-2 : start+stride+n+2]
	bottom := d[start+2*stride-1 : start+2*stride+n+1]
	for x := n - 1; x >= 0; x-- {
		knight := min(bottom[x], bottom[x+2], below[x], below[x+4]) + chamferKnight
		diagonal := min(below[x+1], below[x+3]) + chamferDiagonal
		straight := min(below[x+2], row[x+1]) + chamferStraight
		row[x] = min(row[x], knight, diagonal, straight)
	}
}
