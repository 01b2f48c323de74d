package autodiff

import (
	"cmp"
	"slices"
)

// placement says that a value is another one, put between zeros along an axis.
type placement struct {
	value string
	axis  int
	from  int64
}

// place remembers what a zero padding along one axis does.
func (b *builder) place(padded, value string, before, after []int64) {
	axis := -1
	for i := range before {
		if before[i] == 0 && after[i] == 0 {
			continue
		}
		if axis >= 0 || before[i] < 0 || after[i] < 0 {
			return
		}
		axis = i
	}
	if b.placements == nil {
		b.placements = map[string]placement{}
	}
	b.placements[padded] = placement{value, axis, before[axis]}
}

// joined is the sum of values that were put beside each other between zeros,
// as the cotangents of slices of one value are: a Concat, which touches each
// element once. It is "" for other values.
func (b *builder) joined(parts []string) string {
	places := make([]placement, len(parts))
	for i, part := range parts {
		p, ok := b.placements[part]
		if !ok || p.axis != b.placements[parts[0]].axis {
			return ""
		}
		places[i] = p
	}
	slices.SortFunc(places, func(p, q placement) int { return cmp.Compare(p.from, q.from) })
	shape, axis, end := b.shapes[parts[0]], places[0].axis, int64(0)
	var pieces []string
	for _, p := range places {
		if p.from < end {
			return ""
		}
		pieces = append(pieces, b.gap(p.value, shape, axis, p.from-end)...)
		pieces = append(pieces, p.value)
		end = p.from + b.shapes[p.value][axis]
	}
	pieces = append(pieces, b.gap(parts[0], shape, axis, shape[axis]-end)...)
	return b.op("Concat", pieces, shape, attribute{"axis", axis})
}

// gap are the zeros between pieces, none for length 0.
func (b *builder) gap(like string, shape []int64, axis int, length int64) []string {
	if length == 0 {
		return nil
	}
	shape = slices.Clone(shape)
	shape[axis] = length
	return []string{b.zeros(b.types[like], shape)}
}
