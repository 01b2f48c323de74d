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
	s := &channelSums{b.forwardGraph(output), map[string]*sumGroup{}, map[string]string{}}
	for _, n := range s.nodes {
		s.collectSum(n)
	}
	for _, n := range s.nodes {
		s.judge(n)
	}
	b.nodes = b.collect(func() {
		for _, n := range s.nodes {
			s.move(n)
		}
	})
}

// channelSums are the sums that can be made channels last.
type channelSums struct {
	*forwardGraph
	groups map[string]*sumGroup // by the sum
	// moved are the sums with their channels last, by those with their channels first.
	moved map[string]string
}

// sumGroup are sums of each other, which are moved together or not at all.
type sumGroup struct {
	// gain is how many transpositions fewer there are when all are moved.
	gain int
}

// collectSum finds the sums of an image that is, or can be, there with its
// channels last, and another such or what a convolution made.
func (s *channelSums) collectSum(n *node) {
	if !isBinary(n, "Add") || !s.addsImages(n) {
		return
	}
	x, y := s.operands(n)
	if !s.hasChannelsLast(x) || !s.hasChannelsLast(y) && !isOperator(s.producers[y], "Conv") {
		return
	}
	group := &sumGroup{}
	s.groups[n.out(0)] = group
	for _, old := range []*sumGroup{s.groups[x], s.groups[y]} {
		for sum, g := range s.groups {
			if old != nil && g == old {
				s.groups[sum] = group
			}
		}
	}
}

// operands are those of a sum, one with its channels last first.
func (s *channelSums) operands(n *node) (x, y string) {
	x, y = s.source(n.in(0)), s.source(n.in(1))
	if !s.hasChannelsLast(x) {
		x, y = y, x
	}
	return x, y
}

// judge counts what moving a sum changes: the transpositions of what layers made
// go when nothing else needs them, and one of the sum comes when others than
// convolutions use it.
func (s *channelSums) judge(n *node) {
	group := s.groups[n.out(0)]
	if group == nil {
		return
	}
	isOther := func(user *node) bool {
		return !isOperator(user, "Conv") && !isTranspose(user, toChannelsLast) && s.groups[user.out(0)] != group
	}
	x, y := s.operands(n)
	for _, value := range []string{x, y} {
		if isTranspose(s.producers[value], toChannelsFirst) && !slices.ContainsFunc(s.usersOf(value), isOther) {
			group.gain++
		}
	}
	if slices.ContainsFunc(s.usersOf(n.out(0)), isOther) {
		group.gain--
	}
}

// usersOf are the users of a value, behind nodes that pass it on.
func (s *channelSums) usersOf(value string) []*node {
	var users []*node
	for _, n := range s.users[value] {
		if isOperator(n, "Identity") {
			users = append(users, s.usersOf(n.out(0))...)
			continue
		}
		users = append(users, n)
	}
	return users
}

func (s *channelSums) addsImages(n *node) bool {
	shape := s.shapes[n.out(0)]
	return len(shape) == 4 && slices.Equal(s.shapes[n.in(0)], shape) && slices.Equal(s.shapes[n.in(1)], shape)
}

// source is where a value comes from, through nodes that pass it on.
func (s *channelSums) source(value string) string {
	for isOperator(s.producers[value], "Identity") {
		value = s.producers[value].in(0)
	}
	return value
}

// hasChannelsLast says whether there is, or can be, the value with its channels last.
func (s *channelSums) hasChannelsLast(value string) bool {
	return s.groups[value] != nil || isTranspose(s.producers[value], toChannelsFirst)
}

// move adds a node, or what comes in its place.
func (s *channelSums) move(n *node) {
	name := n.out(0)
	if g := s.groups[name]; g != nil && g.gain > 0 {
		x, y := s.operands(n)
		s.moved[name] = s.plus(s.channelsLast(x), s.channelsLast(y))
		s.node("Transpose", s.name("channels_first"), []string{s.moved[name]}, name, attribute{"perm", toChannelsFirst})
		return
	}
	if last := s.moved[s.source(n.in(0))]; last != "" && isTranspose(n, toChannelsLast) {
		s.node("Identity", n.Name, []string{last}, name)
		return
	}
	s.builder.nodes = append(s.builder.nodes, n.NodeProto)
}

// channelsLast is a value with its channels last.
func (s *channelSums) channelsLast(value string) string {
	if n := s.producers[value]; isTranspose(n, toChannelsFirst) {
		return n.in(0)
	}
	if last := s.moved[value]; last != "" {
		return last
	}
	return s.transpose(value, toChannelsLast)
}

func isOperator(n *node, operator string) bool {
	return n != nil && n.OpType == operator && standard(n.Domain)
}

func isTranspose(n *node, perm []int64) bool {
	return isOperator(n, "Transpose") && slices.Equal(n.integers("perm"), perm)
}
