package corruption

import (
	"container/heap"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// chamferStep is a pixel on its way, for Dijkstra's algorithm.
type chamferStep struct {
	at   int
	cost float64
}

type chamferQueue []chamferStep

func (q chamferQueue) Len() int           { return len(q) }
func (q chamferQueue) Less(i, j int) bool { return q[i].cost < q[j].cost }
func (q chamferQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *chamferQueue) Push(x any)        { *q = append(*q, x.(chamferStep)) }
func (q *chamferQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// shortestPaths is the distance by steps of the three kinds.
func shortestPaths(marks []byte, w, h int) []float64 {
	dist := make([]float64, w*h)
	var q chamferQueue
	for i, mark := range marks {
		dist[i] = math.Inf(1)
		if mark != 0 {
			heap.Push(&q, chamferStep{i, 0})
		}
	}
	lengths := map[int]float64{1: 1, 2: 1.4, 5: 2.1969}
	for len(q) > 0 {
		s := heap.Pop(&q).(chamferStep)
		if s.cost >= dist[s.at] {
			continue
		}
		dist[s.at] = s.cost
		for dy := -2; dy <= 2; dy++ {
			for dx := -2; dx <= 2; dx++ {
				x, y := s.at%w+dx, s.at/w+dy
				length, ok := lengths[dx*dx+dy*dy]
				if ok && x >= 0 && x < w && y >= 0 && y < h {
					heap.Push(&q, chamferStep{y*w + x, s.cost + length})
				}
			}
		}
	}
	return dist
}

func TestChamferDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 15).Draw(t, "w"), rapid.IntRange(1, 15).Draw(t, "h")
		marks := make([]byte, w*h)
		for range rapid.IntRange(0, 4).Draw(t, "marks") {
			marks[rapid.IntRange(0, w*h-1).Draw(t, "at")] = 255
		}
		dist := make([]float32, w*h)
		chamferDistance(dist, marks, w, h, 9)
		for i, want := range shortestPaths(marks, w, h) {
			if math.Abs(float64(dist[i])-min(want, 9)) > 1e-5 {
				t.Fatalf("%dx%d: distance of pixel %d is %v, want %v", w, h, i, dist[i], want)
			}
		}
	})
}
