package metrics

import (
	"fmt"
	"math"
	"slices"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "ood_robustness",
		"Geometric mean over edge, silhouette, sketch, stylized and ImageNet-R of accuracy relative to clean accuracy.",
		noOptions{}, newOODRobustness)
}

// oodRoles are the test sets outside of the training distribution.
var oodRoles = [...]Role{
	{Name: "edge", Doc: "predictions on the edge images of model-vs-human", Optional: true, Decision: decisionCategories16},
	{Name: "silhouette", Doc: "predictions on the silhouettes of model-vs-human", Optional: true, Decision: decisionCategories16},
	{Name: "sketch", Doc: "predictions on the sketches of model-vs-human", Optional: true, Decision: decisionCategories16},
	{Name: "stylized", Doc: "predictions on the stylized images of model-vs-human", Optional: true, Decision: decisionCategories16},
	{Name: "imagenet_r", Doc: "predictions on ImageNet-R", Optional: true, Decision: decisionImageNetR},
}

func newOODRobustness(noOptions) (Spec, error) {
	return Spec{
		Better: Higher,
		Roles:  append([]Role{cleanRole}, oodRoles[:]...),
		New:    func(Env) Metric { return &oodRobustness{} },
	}, nil
}

// oodRobustness is the geometric mean over the test sets that are there of
// accuracy divided by clean accuracy; one at least must be. The accuracies are
// of decisions among 16 or 200 classes, the clean one among all that the model
// has, so a ratio may exceed 1. A ratio of 0 makes the score 0. The score is
// not defined where clean accuracy is 0.
//
// Parts: clean is the clean accuracy, edge the ratio of that set and
// edge/accuracy its accuracy.
//
// The protocols are the same here; that the first of equally probable classes
// wins is a matter of the decision.
type oodRobustness struct {
	clean     tally
	perturbed perturbed
	sets      [len(oodRoles)]oodSet
}

type oodSet struct {
	tally
	generated perturbed
}

var _ Metric = (*oodRobustness)(nil)

func (o *oodRobustness) Observe(role string, v record.View) error {
	counts, perturbed := &o.clean, &o.perturbed
	if role != roleClean {
		set := slices.IndexFunc(oodRoles[:], func(r Role) bool { return r.Name == role })
		if set < 0 {
			return fmt.Errorf("unknown role %q; must be %q or one of the test sets", role, roleClean)
		}
		counts, perturbed = &o.sets[set].tally, &o.sets[set].generated
	}
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		perturbed.observe(v, i)
		counts.add(v.Correct(i))
	}
	return nil
}

func (o *oodRobustness) Score() (Score, error) {
	if o.clean.n == 0 {
		return Score{}, errNothingSeen
	}
	if o.clean.correct == 0 {
		return Score{}, fmt.Errorf("clean accuracy is 0 over %d images; accuracy relative to it is not defined", o.clean.n)
	}
	s := Score{
		Parts: []Part{{Name: roleClean, Value: o.clean.accuracy(), N: o.clean.n}},
		Notes: o.perturbed.notes(o.clean.n),
	}
	product, sets := 1.0, 0
	for i, set := range o.sets {
		name := oodRoles[i].Name
		if set.n == 0 {
			s.Missing = append(s.Missing, name)
			continue
		}
		ratio := set.accuracy() / o.clean.accuracy()
		product *= ratio
		sets++
		s.N += set.n
		s.Parts = append(s.Parts,
			Part{Name: name, Value: ratio, N: set.n},
			Part{Name: name + "/accuracy", Value: set.accuracy(), N: set.n})
		s.Notes = append(s.Notes, generatedNotes(set.generated, name+" images", set.n)...)
	}
	if sets == 0 {
		return Score{}, fmt.Errorf("none of the test sets was seen; a score needs at least one of them: bind a pipeline to one of %s", roleNames(oodRoles[:]))
	}
	s.Value = math.Pow(product, 1/float64(sets))
	return s, nil
}

func (*oodRobustness) Close() error { return nil }
