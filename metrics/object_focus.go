package metrics

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "object_focus",
		"1 - accuracy lost when the background is of another class, relative to clean accuracy (ImageNet-9).",
		noOptions{}, newObjectFocus)
}

const (
	roleMixedSame = "mixed_same"
	roleMixedRand = "mixed_rand"
)

var objectFocusRoles = []Role{
	cleanRole,
	{Name: roleMixedSame, Doc: "predictions on foregrounds before backgrounds of their own class", Decision: decisionImageNet9},
	{Name: roleMixedRand, Doc: "predictions on foregrounds before backgrounds of random classes", Decision: decisionImageNet9},
}

func newObjectFocus(noOptions) (Spec, error) {
	return Spec{
		Better: Higher,
		Roles:  objectFocusRoles,
		New: func(env Env) Metric {
			return &objectFocus{
				same: backgroundSet{names: env.Roles[roleMixedSame].Classes, classes: map[int32]*tally{}},
				rand: backgroundSet{names: env.Roles[roleMixedRand].Classes, classes: map[int32]*tally{}},
			}
		},
	}, nil
}

// objectFocus is 1 - (accuracy on mixed_same - accuracy on mixed_rand) / clean
// accuracy. It may exceed 1, and is not defined where clean accuracy is 0. N
// counts the images of both sets.
//
// Parts: clean, mixed_same and mixed_rand are accuracies; gap is the accuracy
// on mixed_same minus that on mixed_rand, the BG-gap of Xiao et al., Noise or
// Signal: The Role of Image Backgrounds in Object Recognition, ICLR 2021;
// relative_gap is gap divided by clean accuracy; mixed_same/dog is the accuracy
// on the dogs of that set.
//
// The protocols are the same here.
type objectFocus struct {
	clean      tally
	perturbed  perturbed
	same, rand backgroundSet
}

// backgroundSet counts the right predictions on a set of mixed backgrounds.
type backgroundSet struct {
	tally
	names   []string
	classes map[int32]*tally
}

func (b *backgroundSet) observe(v record.View, i int) {
	class := v.Label(i)
	if b.classes[class] == nil {
		b.classes[class] = &tally{}
	}
	b.classes[class].add(v.Correct(i))
	b.add(v.Correct(i))
}

func (b *backgroundSet) classParts(set string) []Part {
	var parts []Part
	for _, class := range slices.Sorted(maps.Keys(b.classes)) {
		counts := b.classes[class]
		parts = append(parts, Part{Name: set + "/" + className(b.names, class), Value: counts.accuracy(), N: counts.n})
	}
	return parts
}

var _ Metric = (*objectFocus)(nil)

func (o *objectFocus) Observe(role string, v record.View) error {
	observe := o.observeClean
	switch role {
	case roleClean:
	case roleMixedSame:
		observe = o.same.observe
	case roleMixedRand:
		observe = o.rand.observe
	default:
		return fmt.Errorf("unknown role %q; must be one of %s", role, roleNames(objectFocusRoles))
	}
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		observe(v, i)
	}
	return nil
}

func (o *objectFocus) observeClean(v record.View, i int) {
	o.perturbed.observe(v, i)
	o.clean.add(v.Correct(i))
}

func (o *objectFocus) Score() (Score, error) {
	if o.clean.n == 0 || o.same.n == 0 || o.rand.n == 0 {
		return Score{}, errors.New("a score needs clean images and both sets of mixed backgrounds")
	}
	if o.clean.correct == 0 {
		return Score{}, fmt.Errorf("clean accuracy is 0 over %d images; a gap relative to it is not defined", o.clean.n)
	}
	n := o.same.n + o.rand.n
	gap := o.same.accuracy() - o.rand.accuracy()
	relative := gap / o.clean.accuracy()
	s := Score{Value: 1 - relative, N: n, Notes: o.notes(), Parts: []Part{
		{Name: roleClean, Value: o.clean.accuracy(), N: o.clean.n},
		{Name: roleMixedSame, Value: o.same.accuracy(), N: o.same.n},
		{Name: roleMixedRand, Value: o.rand.accuracy(), N: o.rand.n},
		{Name: "gap", Value: gap, N: n},
		{Name: "relative_gap", Value: relative, N: n},
	}}
	s.Parts = slices.Concat(s.Parts, o.same.classParts(roleMixedSame), o.rand.classParts(roleMixedRand))
	return s, nil
}

func (o *objectFocus) notes() []string {
	notes := o.perturbed.notes(o.clean.n)
	if o.same.n != o.rand.n {
		notes = append(notes, fmt.Sprintf("%s has %d images, %s %d", roleMixedSame, o.same.n, roleMixedRand, o.rand.n))
	}
	return notes
}

func (*objectFocus) Close() error { return nil }
