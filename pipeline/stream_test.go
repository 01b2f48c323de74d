package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func count(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// The order of results is the order of elements, whatever the workers, the
// buffers and the time that each element takes.
func TestFlatMapKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "n")
		workers := rapid.IntRange(1, 5).Draw(t, "workers")
		ahead := rapid.IntRange(0, 4).Draw(t, "ahead")
		g := newGroup(context.Background())
		defer g.cancel(nil)
		s := from(g, context.Background(), "source", count(n))
		out := flatMap(s, "stage", workers, ahead, func(_ context.Context, v int) ([]int, error) {
			time.Sleep(time.Duration((v*7)%5) * 20 * time.Microsecond)
			return slices.Repeat([]int{v}, v%3), nil
		})
		var got, want []int
		if err := drain(out, "sink", func(v int) error { got = append(got, v); return nil }); err != nil {
			t.Fatal(err)
		}
		for v := range n {
			want = append(want, slices.Repeat([]int{v}, v%3)...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// However long the work or the sink takes, few elements are begun before it ends.
func TestFlatMapIsBounded(t *testing.T) {
	const workers, ahead, links = 2, 3, 8 // links of the graph from the stage to the sink
	t.Run("work", func(t *testing.T) {
		checkBegun(t, workers, ahead, workers, func(wait func()) (work, sink func()) { return wait, func() {} })
	})
	t.Run("sink", func(t *testing.T) {
		checkBegun(t, workers, ahead, ahead+links, func(wait func()) (work, sink func()) { return func() {}, wait })
	})
}

// checkBegun counts the elements that are begun while the work or the sink, by
// choice, waits.
func checkBegun(t *testing.T, workers, ahead int, want int64, choose func(wait func()) (work, sink func())) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		work, sink := choose(func() { <-release })
		var begun atomic.Int64
		g := newGroup(context.Background())
		defer g.cancel(nil)
		out := flatMap(from(g, context.Background(), "source", count(1000)), "stage", workers, ahead, func(_ context.Context, v int) ([]int, error) {
			begun.Add(1)
			work()
			return []int{v}, nil
		})
		finished := make(chan error, 1)
		go func() { finished <- drain(out, "sink", func(int) error { sink(); return nil }) }()
		synctest.Wait() // until nothing moves
		if n := begun.Load(); n != want {
			t.Errorf("%d elements are begun, want %d", n, want)
		}
		close(release)
		if err := <-finished; err != nil {
			t.Fatal(err)
		}
	})
}

func TestScanFlushesAfterTheLast(t *testing.T) {
	g := newGroup(context.Background())
	defer g.cancel(nil)
	var held []int
	pairs := scan(from(g, context.Background(), "source", count(5)), "pair",
		func(v int) ([]string, error) {
			held = append(held, v)
			if len(held) < 2 {
				return nil, nil
			}
			pair := fmt.Sprint(held)
			held = nil
			return []string{pair}, nil
		},
		func() ([]string, error) { return []string{fmt.Sprint(held)}, nil })
	var got []string
	if err := drain(pairs, "sink", func(v string) error { got = append(got, v); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"[0 1]", "[2 3]", "[4]"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The first error or panic of any operator ends the graph, which drains; the
// error names the operator.
func TestFirstErrorCancels(t *testing.T) {
	broken := errors.New("broken")
	identity := func(_ context.Context, v int) ([]int, error) { return []int{v}, nil }
	keep := func(v int) ([]int, error) { return []int{v}, nil }
	none := func() ([]int, error) { return nil, nil }
	tests := []struct {
		name, want string
		panics     bool
		source     iter.Seq2[int, error]
		stage      func(context.Context, int) ([]int, error)
		step       func(int) ([]int, error)
		flush      func() ([]int, error)
		sink       func(int) error
	}{
		{name: "source", want: "source: broken", source: func(yield func(int, error) bool) {
			for i := range 100 {
				if !yield(i, nil) {
					return
				}
			}
			yield(0, broken)
		}},
		{name: "source panic", want: "source: internal fault: boom", panics: true, source: func(func(int, error) bool) { panic("boom") }},
		{name: "stage", want: "stage: broken", stage: func(_ context.Context, v int) ([]int, error) {
			if v == 500 {
				return nil, broken
			}
			return []int{v}, nil
		}},
		{name: "stage panic", want: "stage: internal fault: boom", panics: true, stage: func(context.Context, int) ([]int, error) { panic("boom") }},
		{name: "scan", want: "scan: broken", step: func(int) ([]int, error) { return nil, broken }},
		{name: "flush", want: "scan: broken", flush: func() ([]int, error) { return nil, broken }},
		{name: "sink", want: "sink: broken", sink: func(v int) error {
			if v == 10 {
				return broken
			}
			return nil
		}},
		{name: "sink panic", want: "sink: internal fault: boom", panics: true, sink: func(int) error { panic("boom") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source, stage, step, flush, sink := count(2000), identity, keep, none, func(int) error { return nil }
			if tt.source != nil {
				source = tt.source
			}
			if tt.stage != nil {
				stage = tt.stage
			}
			if tt.step != nil {
				step = tt.step
			}
			if tt.flush != nil {
				flush = tt.flush
			}
			if tt.sink != nil {
				sink = tt.sink
			}
			g := newGroup(context.Background())
			s := scan(flatMap(from(g, context.Background(), "source", source), "stage", 3, 2, stage), "scan", step, flush)
			err := drain(s, "sink", sink)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if tt.panics {
				var p *PanicError
				if !errors.As(err, &p) || len(p.Stack) == 0 {
					t.Errorf("error %#v must be a PanicError with a stack", err)
				}
			} else if !errors.Is(err, broken) {
				t.Errorf("error %v must wrap the cause", err)
			}
		})
	}
}

// A stop ends the source; what was read before it still arrives.
func TestStopDrainsWhatWasRead(t *testing.T) {
	stop, cancel := context.WithCancel(context.Background())
	defer cancel()
	g := newGroup(context.Background())
	defer g.cancel(nil)
	var read atomic.Int64
	endless := func(yield func(int, error) bool) {
		for i := 0; ; i++ {
			if i == 50 {
				cancel()
			}
			if !yield(i, nil) {
				return
			}
			read.Add(1)
		}
	}
	s := flatMap(from(g, stop, "source", endless), "stage", 2, 2, func(_ context.Context, v int) ([]int, error) { return []int{v}, nil })
	arrived := int64(0)
	if err := drain(s, "sink", func(v int) error {
		if int64(v) != arrived {
			t.Errorf("got %d, want %d", v, arrived)
		}
		arrived++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n := read.Load(); n < 50 || arrived != n {
		t.Errorf("%d of %d elements arrived", arrived, n)
	}
}
