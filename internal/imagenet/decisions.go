package imagenet

import (
	"slices"
	"sync"

	"quba/pipeline/record"
)

// Names of decisions.
const (
	NameCategories16 = "categories16"
	NameImageNetR    = "imagenet_r"
	NameImageNetA    = "imagenet_a"
	NameImageNet9    = "imagenet_9"
)

// categories16 are the 16 categories in the order of their labels.
var categories16 = []string{
	"airplane", "bear", "bicycle", "bird", "boat", "bottle", "car", "cat",
	"chair", "clock", "dog", "elephant", "keyboard", "knife", "oven", "truck",
}

// classes9 are the classes of ImageNet-9 in the order of their labels, as its
// folders are named ("00_dog").
var classes9 = []string{"dog", "bird", "vehicle", "reptile", "carnivore", "insect", "instrument", "primate", "fish"}

// Categories16 is the 16-way decision of Geirhos et al. (2019): the mean
// probability of a category's classes, not renormalised. ties says which of
// equal categories wins; the authors take the first for recognition and the
// last for cue conflicts.
func Categories16(ties record.Ties) *record.Decision {
	d := &record.Decision{Name: NameCategories16, Classes: categories16, Of: make([]int32, Classes), Rule: record.Mean, Ties: ties}
	for i, c := range All() {
		d.Of[i] = int32(slices.Index(categories16, c.Category)) // -1 is record.NoClass
	}
	return d
}

// ImageNetR is the decision among the 200 classes of ImageNet-R, labelled in
// the order of their wnids.
var ImageNetR = sync.OnceValue(func() *record.Decision {
	return subset(NameImageNetR, func(c Class) bool { return c.R })
})

// ImageNetA is the decision among the 200 classes of ImageNet-A, labelled in
// the order of their wnids.
var ImageNetA = sync.OnceValue(func() *record.Decision {
	return subset(NameImageNetA, func(c Class) bool { return c.A })
})

func subset(name string, in func(Class) bool) *record.Decision {
	d := &record.Decision{Name: name, Of: make([]int32, Classes), Rule: record.Subset}
	for i, c := range All() {
		d.Of[i] = record.NoClass
		if in(c) {
			d.Of[i] = int32(len(d.Classes))
			d.Classes = append(d.Classes, c.WNID)
		}
	}
	return d
}

// ImageNet9 is the decision of the backgrounds challenge: the class of
// ImageNet-9 that the best of the 1000 classes belongs to, none for most.
var ImageNet9 = sync.OnceValue(func() *record.Decision {
	d := &record.Decision{Name: NameImageNet9, Classes: classes9, Of: make([]int32, Classes), Rule: record.Best}
	for i, c := range All() {
		d.Of[i] = c.ImageNet9
	}
	return d
})
