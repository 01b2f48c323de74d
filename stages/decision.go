package stages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "decision", "Decide among coarser or fewer classes: labels and predictions are then of these.",
		decisionConfig{Rule: string(record.Mean), Ties: string(record.First)}, newDecision)
}

// decisions are those that need no file, given the tie rule.
var decisions = map[string]func(record.Ties) *record.Decision{
	imagenet.NameCategories16: imagenet.Categories16,
	imagenet.NameImageNetR:    func(record.Ties) *record.Decision { return imagenet.ImageNetR() },
	imagenet.NameImageNetA:    func(record.Ties) *record.Decision { return imagenet.ImageNetA() },
	imagenet.NameImageNet9:    func(record.Ties) *record.Decision { return imagenet.ImageNet9() },
}

// amongFile is the decision that a file describes.
const amongFile = "map"

type decisionConfig struct {
	Among   string `koanf:"among" jsonschema:"required,enum=categories16,enum=imagenet_r,enum=imagenet_a,enum=imagenet_9,enum=map" jsonschema_description:"categories16: the 16 categories of Geirhos et al.; imagenet_r, imagenet_a: the 200 classes of that set; imagenet_9: the 9 classes of the backgrounds challenge; map: map says."`
	Map     string `koanf:"map" path:"file" env:"true" jsonschema_description:"CSV with a header that has class (an index, or a wnid of ImageNet) and category; classes that are not in it belong to no category."`
	Rule    string `koanf:"rule" jsonschema:"enum=mean,enum=sum,enum=best,enum=subset" jsonschema_description:"With among: map. mean, sum: of the probabilities of a category's classes; best: the category of the best class; subset: as a classifier of the mapped classes alone."`
	Ties    string `koanf:"ties" jsonschema:"enum=first,enum=last" jsonschema_description:"Which of equally probable categories is chosen; shape bias was published with the last."`
	Outputs int    `koanf:"outputs" jsonschema:"minimum=1" jsonschema_description:"Number of classes of the classifiers with among: map; 1000 when left out."`
}

func (c decisionConfig) Validate() error {
	if (c.Among == amongFile) != (c.Map != "") {
		return registry.Fieldf("map", "must be given with among: map, and only then")
	}
	if c.Among != amongFile && c.Rule != string(record.Mean) {
		return registry.Fieldf("rule", "belongs to among: map; %s has a rule of its own", c.Among)
	}
	if c.Among != amongFile && c.Outputs != 0 {
		return registry.Fieldf("outputs", "belongs to among: map; %s is for classifiers of 1000 classes", c.Among)
	}
	return nil
}

// decision turns labels into those of its classes. A sample whose class belongs
// to none of them is left out: it is no sample of that data set.
type decision struct{ made *record.Decision }

var (
	_ pipeline.Stage      = (*decision)(nil)
	_ pipeline.Decider    = (*decision)(nil)
	_ pipeline.Multiplier = (*decision)(nil)
)

func newDecision(c decisionConfig) (pipeline.Stage, error) {
	if c.Among != amongFile {
		make, ok := decisions[c.Among]
		if !ok {
			return nil, &registry.FieldError{Field: "among", Err: registry.Unknown("decision", c.Among, slices.Sorted(maps.Keys(decisions)))}
		}
		return &decision{made: make(record.Ties(c.Ties))}, nil
	}
	outputs := c.Outputs
	if outputs == 0 {
		outputs = imagenet.Classes
	}
	made, err := readDecisionMap(c.Map, outputs)
	if err != nil {
		return nil, &registry.FieldError{Field: "map", Err: err}
	}
	if _, taken := decisions[made.Name]; taken {
		return nil, registry.Fieldf("map", "must not be named %s: metrics would take it for the published decision of that name", made.Name)
	}
	made.Rule, made.Ties = record.Rule(c.Rule), record.Ties(c.Ties)
	if err := made.Check(); err != nil {
		return nil, &registry.FieldError{Field: "map", Err: err}
	}
	return &decision{made: made}, nil
}

func (d *decision) Decision() *record.Decision { return d.made }

func (d *decision) Variants() int { return 1 }

func (d *decision) Apply(_ context.Context, in pipeline.Sample) ([]pipeline.Sample, error) {
	if in.Decision != nil && !slices.Equal(in.Decision.Classes, d.made.Classes) {
		return nil, fmt.Errorf("the labels are classes of %s already; they cannot become those of %s", in.Decision.Name, d.made.Name)
	}
	if in.Decision == nil {
		// A stage may have taken the cue from other classes than the label is of.
		if in.Cue != record.NoClass {
			return nil, errors.New("the images have cues, and nothing says that those are classes of the classifier; put the stage decision before the one that sets cues")
		}
		label := d.made.Label(in.Label)
		if label == record.NoClass {
			return nil, nil
		}
		in.Label = label
	}
	in.Decision = d.made
	return []pipeline.Sample{in}, nil
}
