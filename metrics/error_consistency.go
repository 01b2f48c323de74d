package metrics

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Registry, "error_consistency",
		"Cohen's kappa between the model's errors and those of people on the same images; mean over the people.",
		errorConsistencyOptions{}, newErrorConsistency)
}

type errorConsistencyOptions struct {
	Responses string `koanf:"responses" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder with the published decisions, one .csv for each person or network, such as raw-data/cue-conflict of model-vs-human; columns object_response, category, imagename and, if the file name does not say who decided, subj."`
	Set       string `koanf:"set" jsonschema_description:"Only files whose names begin with this, such as cue-conflict; needed where the folder has several test sets."`
}

func (o errorConsistencyOptions) Validate() error {
	if o.Responses == "" {
		return registry.Fieldf("responses", "must be the folder with the published decisions of people on the images")
	}
	return nil
}

const roleImages = "images"

func newErrorConsistency(o errorConsistencyOptions) (Spec, error) {
	load := sync.OnceValues(func() (*responses, error) { return readResponses(o.Responses, o.Set) })
	return Spec{
		Better: Higher,
		Extra:  true,
		Roles:  []Role{{Name: roleImages, Doc: "predictions on the images that people decided on", Decision: decisionCategories16}},
		New: func(env Env) Metric {
			return &errorConsistency{load: load, names: env.Roles[roleImages].Classes, correct: map[string]bool{}}
		},
	}, nil
}

// errorConsistency is the mean over people of Cohen's kappa between the model
// and each of them, after Geirhos, Meding and Wichmann, Beyond accuracy:
// quantifying trial-by-trial behaviour of CNNs and humans by measuring error
// consistency, NeurIPS 2020. Of the images that both decided on, the observed
// consistency is the fraction that both or neither got right; the expected one
// is p1 p2 + (1-p1)(1-p2) for accuracies p1 and p2; kappa is (observed -
// expected) / (1 - expected): 1 for the same errors, 0 for no more common ones
// than by chance, below 0 for fewer. It is not defined where both are always
// right or always wrong. No decision counts as a wrong one. N is the number of
// images with published decisions.
//
// Parts: accuracy is the model's on these images. For each person and network
// with published decisions: subject-01 is kappa, with the number of common
// images, subject-01/observed and subject-01/expected the consistencies.
// Networks have no share in the score.
//
// The protocols are the same here.
type errorConsistency struct {
	load      func() (*responses, error)
	published *responses // nil before the first record
	names     []string
	correct   map[string]bool // by image with published decisions
	unknown   int64           // images without
	example   string          // the first of those
	perturbed perturbed
}

var _ Metric = (*errorConsistency)(nil)

func (e *errorConsistency) Observe(role string, v record.View) error {
	if err := checkRole(role, roleImages); err != nil {
		return err
	}
	published, err := e.load()
	if err != nil {
		return err
	}
	e.published = published
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		if err := e.observe(v, i); err != nil {
			return err
		}
	}
	return nil
}

func (e *errorConsistency) observe(v record.View, i int) error {
	image := shortImageName(v.ID(i))
	category, known := e.published.categories[image]
	if !known {
		if e.unknown == 0 {
			e.example = strings.Clone(image)
		}
		e.unknown++
		return nil
	}
	if _, twice := e.correct[image]; twice {
		return fmt.Errorf("sample %q: there is another image called %s; each must be there once, in one variant", v.ID(i), image)
	}
	if got := className(e.names, v.Label(i)); len(e.names) > 0 && got != category {
		return fmt.Errorf("sample %q is of category %s, in the published decisions of %s; they must be of the same test set", v.ID(i), got, category)
	}
	e.perturbed.observe(v, i)
	e.correct[strings.Clone(image)] = v.Correct(i)
	return nil
}

func (e *errorConsistency) Score() (Score, error) {
	if e.published == nil {
		return Score{}, errNothingSeen
	}
	if len(e.correct) == 0 {
		return Score{}, fmt.Errorf("none of %d images has published decisions, such as %s; they must be the published images under their own names", e.unknown, e.example)
	}
	s := Score{N: int64(len(e.correct)), Parts: []Part{e.accuracy()}, Notes: e.notes()}
	people := 0
	for _, maker := range e.published.makers {
		common := e.compare(maker)
		if common.n == 0 {
			continue
		}
		s.Parts = append(s.Parts, common.parts(maker.name)...)
		kappa, defined := common.kappa()
		if !defined {
			s.Notes = append(s.Notes, "kappa with "+maker.name+" is not defined: both are always right or always wrong")
		}
		if defined && maker.human() {
			s.Value += kappa
			people++
		}
	}
	if people == 0 {
		return Score{}, errors.New("kappa is not defined with any person: it needs common images, and not all right or all wrong for both")
	}
	s.Value /= float64(people)
	return s, nil
}

func (e *errorConsistency) accuracy() Part {
	var t tally
	for _, correct := range e.correct {
		t.add(correct)
	}
	return Part{Name: "accuracy", Value: t.accuracy(), N: t.n}
}

func (e *errorConsistency) notes() []string {
	seen := int64(len(e.correct))
	notes := generatedNotes(e.perturbed, "images", seen)
	if e.unknown > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d images have no published decisions", e.unknown, seen+e.unknown))
	}
	return notes
}

func (e *errorConsistency) compare(maker decisionMaker) commonDecisions {
	var c commonDecisions
	for image, theirs := range maker.correct {
		if ours, seen := e.correct[image]; seen {
			c.add(ours, theirs)
		}
	}
	return c
}

// commonDecisions counts images that two decided on.
type commonDecisions struct{ n, first, second, same int64 }

func (c *commonDecisions) add(first, second bool) {
	c.n++
	if first {
		c.first++
	}
	if second {
		c.second++
	}
	if first == second {
		c.same++
	}
}

func (c commonDecisions) observed() float64 { return float64(c.same) / float64(c.n) }

func (c commonDecisions) expected() float64 {
	p1, p2 := float64(c.first)/float64(c.n), float64(c.second)/float64(c.n)
	return p1*p2 + (1-p1)*(1-p2)
}

// kappa is of no meaning when it is not defined.
func (c commonDecisions) kappa() (value float64, defined bool) {
	sum := c.first + c.second
	if sum == 0 || sum == 2*c.n {
		return 0, false
	}
	return (c.observed() - c.expected()) / (1 - c.expected()), true
}

func (c commonDecisions) parts(name string) []Part {
	parts := []Part{
		{Name: name + "/observed", Value: c.observed(), N: c.n},
		{Name: name + "/expected", Value: c.expected(), N: c.n},
	}
	if kappa, defined := c.kappa(); defined {
		parts = append([]Part{{Name: name, Value: kappa, N: c.n}}, parts...)
	}
	return parts
}

func (*errorConsistency) Close() error { return nil }
