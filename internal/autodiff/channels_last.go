package autodiff

import "slices"

var (
	// toChannelsLast and toChannelsFirst are permutations of the axes of images.
	toChannelsLast  = []int64{0, 2, 3, 1}
	toChannelsFirst = []int64{0, 3, 1, 2}
)

// sumChannelsLast adds images with their channels last where fully connected
// layers made one of the two and convolutions take the sum, as in ConvNeXt:
// Transpose(x) + y is Transpose(x + Transpose⁻¹(y)). The transpositions are then
// all beside convolutions, and onnxruntime does them while it reorders for these;
// otherwise each is a pass over memory, forward and back.
func (b *builder) sumChannelsLast(output string) {
	f := b.forwardGraph(output)
	s := &channelSums{f, map[string]string{}}
	b.nodes = nil
	for _, n := range f.nodes {
		x, y := s.operands(n)
		switch {
		case x != "":
			s.sum(n.out(0), x, y)
		case isTranspose(n, toChannelsLast) && s.last[n.in(0)] != "":
			n.OpType, n.Input, n.Attribute = "Identity", []string{s.last[n.in(0)]}, nil
			b.nodes = append(b.nodes, n.NodeProto)
		default:
			b.nodes = append(b.nodes, n.NodeProto)
		}
	}
}

// channelSums knows the sums that were made channels last, by the name of the
// sum with its channels first.
type channelSums struct {
	*forwardGraph
	last map[string]string
}

// operands are those of a sum that should be made channels last; else "".
func (s *channelSums) operands(n *node) (x, y string) {
	if !isBinary(n, "Add") || !s.addsImages(n) || !s.feedsConvolutions(n.out(0)) {
		return "", ""
	}
	x, y = s.source(n.in(0)), s.source(n.in(1))
	if s.channelsLast(x) == "" {
		x, y = y, x
	}
	if s.channelsLast(x) == "" || s.channelsLast(y) == "" && !isOperator(s.producers[y], "Conv") {
		return "", ""
	}
	return x, y
}

func (s *channelSums) addsImages(n *node) bool {
	shape := s.shapes[n.out(0)]
	return len(shape) == 4 && slices.Equal(s.shapes[n.in(0)], shape) && slices.Equal(s.shapes[n.in(1)], shape)
}

// feedsConvolutions says whether a value has users that all take it channels
// last, or convolve it.
func (s *channelSums) feedsConvolutions(value string) bool {
	users := s.users[value]
	return len(users) > 0 && !slices.ContainsFunc(users, func(n *node) bool {
		return !isOperator(n, "Conv") && !isBinary(n, "Add") && !isTranspose(n, toChannelsLast)
	})
}

// source is where a value comes from, through nodes that pass it on.
func (s *channelSums) source(value string) string {
	for isOperator(s.producers[value], "Identity") {
		value = s.producers[value].in(0)
	}
	return value
}

// channelsLast is a value with its channels last, where there is such.
func (s *channelSums) channelsLast(value string) string {
	if n := s.producers[value]; isTranspose(n, toChannelsFirst) {
		return n.in(0)
	}
	return s.last[value]
}

func (s *channelSums) sum(name, x, y string) {
	last := s.channelsLast(y)
	if last == "" {
		last = s.transpose(y, toChannelsLast)
	}
	s.last[name] = s.plus(s.channelsLast(x), last)
	s.node("Transpose", s.name("channels_first"), []string{s.last[name]}, name, attribute{"perm", toChannelsFirst})
}

func isOperator(n *node, operator string) bool {
	return n != nil && n.OpType == operator && standard(n.Domain)
}

func isTranspose(n *node, perm []int64) bool {
	return isOperator(n, "Transpose") && slices.Equal(n.integers("perm"), perm)
}
