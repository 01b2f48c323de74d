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
	registry.Register(Registry, "shape_bias",
		"Decisions for the shape among those for shape or texture, on images whose shape and texture conflict.",
		noOptions{}, newShapeBias)
}

const roleCueConflict = "cue_conflict"

// categoryPart begins the names of the parts of single categories.
const categoryPart = "category/"

func newShapeBias(noOptions) (Spec, error) {
	return Spec{
		Better: Higher,
		Roles:  []Role{{Name: roleCueConflict, Doc: "predictions on images with the shape of one category and the texture of another", Decision: decisionCategories16}},
		New: func(env Env) Metric {
			return &shapeBias{names: env.Roles[roleCueConflict].Classes, categories: map[int32]*cueTally{}}
		},
	}, nil
}

// shapeBias is S / (S + T) in [0, 1] after Geirhos et al., ImageNet-trained
// CNNs are biased towards texture, ICLR 2019: among the images whose shape (the
// label) and texture (the cue) differ, S were decided for the shape and T for
// the texture. N is the number of these images. Images without a cue are left
// out altogether. The score is not defined where S + T is 0.
//
// Parts: fraction_shape, fraction_texture and fraction_other are such
// decisions divided by the number of all images, those whose shape and texture
// are the same included, as in the authors' code; accuracy is the fraction of
// all images that were decided for the shape. category/cat is the shape bias
// on the images whose shape is a cat, N being those whose texture is not; a
// category where it is not defined has no part.
//
// The protocols are the same here; that the last of equally probable categories
// wins is a matter of the decision.
type shapeBias struct {
	names      []string
	all        cueTally
	categories map[int32]*cueTally // by shape
	withoutCue int64
	generated  perturbed
}

// cueTally counts decisions on images with two cues.
type cueTally struct {
	images, correct           int64 // correct: decided for the shape
	conflicts, shape, texture int64 // of images whose cues differ
}

func (t *cueTally) add(shape, texture, decision int32) {
	t.images++
	if decision == shape {
		t.correct++
	}
	if shape == texture {
		return
	}
	t.conflicts++
	switch decision {
	case shape:
		t.shape++
	case texture:
		t.texture++
	}
}

// bias is of no meaning when it is not defined.
func (t *cueTally) bias() (value float64, defined bool) {
	decided := t.shape + t.texture
	return float64(t.shape) / float64(decided), decided > 0
}

// parts are those of all categories together.
func (t *cueTally) parts() []Part {
	of := func(name string, count int64) Part {
		return Part{Name: name, Value: float64(count) / float64(t.images), N: t.images}
	}
	return []Part{
		of("fraction_shape", t.shape),
		of("fraction_texture", t.texture),
		of("fraction_other", t.conflicts-t.shape-t.texture),
		of("accuracy", t.correct),
	}
}

var _ Metric = (*shapeBias)(nil)

func (s *shapeBias) Observe(role string, v record.View) error {
	if err := checkRole(role, roleCueConflict); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		if v.Cue(i) == record.NoClass {
			s.withoutCue++
			continue
		}
		s.generated.observe(v, i)
		s.observe(v.Label(i), v.Cue(i), v.Top1(i))
	}
	return nil
}

func (s *shapeBias) observe(shape, texture, decision int32) {
	if s.categories[shape] == nil {
		s.categories[shape] = &cueTally{}
	}
	s.categories[shape].add(shape, texture, decision)
	s.all.add(shape, texture, decision)
}

func (s *shapeBias) Score() (Score, error) {
	if s.all.images+s.withoutCue == 0 {
		return Score{}, errNothingSeen
	}
	if s.all.images == 0 {
		return Score{}, fmt.Errorf("none of %d images has a cue; shape bias needs images with the shape of one category and the texture of another", s.withoutCue)
	}
	value, defined := s.all.bias()
	if s.all.conflicts == 0 {
		return Score{}, errors.New("shape and texture are the same in every image; shape bias needs images where they differ")
	}
	if !defined {
		return Score{}, fmt.Errorf("none of %d images was decided for its shape or for its texture; shape bias is not defined", s.all.conflicts)
	}
	return Score{
		Value: value, N: s.all.conflicts,
		Parts: append(s.all.parts(), s.categoryParts()...),
		Notes: s.notes(),
	}, nil
}

func (s *shapeBias) categoryParts() []Part {
	var parts []Part
	for _, class := range slices.Sorted(maps.Keys(s.categories)) {
		category := s.categories[class]
		if value, defined := category.bias(); defined {
			parts = append(parts, Part{Name: categoryPart + className(s.names, class), Value: value, N: category.conflicts})
		}
	}
	return parts
}

func (s *shapeBias) notes() []string {
	notes := generatedNotes(s.generated, "cue conflicts", s.all.images)
	if s.withoutCue > 0 {
		notes = append(notes, fmt.Sprintf("%d images without a cue are left out", s.withoutCue))
	}
	return notes
}

func (*shapeBias) Close() error { return nil }
