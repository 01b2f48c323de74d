package compose

import "slices"

// drawBackgrounds chooses whose backgrounds each image is put on: a function
// of the seed, the image's ID and the images that can be chosen.
func (c *composer) drawBackgrounds() {
	classes := make([][]*image9, len(ClassFolders()))
	for _, m := range c.composed() {
		classes[m.class] = append(classes[m.class], m)
	}
	for _, images := range classes {
		slices.SortFunc(images, byID)
	}
	present := slices.DeleteFunc(slices.Clone(classes), func(images []*image9) bool { return len(images) == 0 })
	for _, m := range c.composed() {
		m.same = other(classes[m.class], m, m.sample.Rand("compose "+MixedSame).IntN)
		draw := m.sample.Rand("compose " + MixedRand).IntN
		m.rand = other(present[draw(len(present))], m, draw)
	}
}

// other draws an image that is not m; there is one.
func other(images []*image9, m *image9, draw func(n int) int) *image9 {
	own, in := slices.BinarySearchFunc(images, m, byID)
	if !in {
		return images[draw(len(images))]
	}
	i := draw(len(images) - 1)
	if i >= own {
		i++
	}
	return images[i]
}

func byID(a, b *image9) int {
	switch {
	case a.sample.ID < b.sample.ID:
		return -1
	case a.sample.ID > b.sample.ID:
		return 1
	}
	return 0
}
