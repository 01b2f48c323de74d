package metrics_test

import (
	"strings"
	"testing"

	"quba/metrics"
	"quba/pipeline/record"
)

// attackStages are those of a pipeline that ends in an attack; "" is none.
func attackStages(pipeline, attack string, severities ...int32) record.PipelineStages {
	return record.PipelineStages{Pipeline: pipeline, Attack: attack, Severities: severities, Versions: 1}
}

func TestAttacksAreCheckedBeforeTheRun(t *testing.T) {
	through := func(p record.PipelineStages, versions int, before ...string) record.PipelineStages {
		p.Versions, p.Before = versions, before
		return p
	}
	both := map[string]string{"fgsm": "f", "pgd": "p"}
	for name, c := range map[string]struct {
		at     float64
		score  string
		on     map[string]string
		stages []record.PipelineStages
		want   string // "" for nothing
	}{
		"right":            {0, "", both, []record.PipelineStages{attackStages("f", "fgsm", 800), attackStages("p", "pgd", 100, 800)}, ""},
		"another eps":      {1, "", both, []record.PipelineStages{attackStages("f", "fgsm", 100), attackStages("p", "pgd", 100, 800)}, ""},
		"one attack":       {0, "", map[string]string{"pgd": "p"}, []record.PipelineStages{attackStages("p", "pgd", 800)}, ""},
		"area":             {0, "auc", both, []record.PipelineStages{attackStages("f", "fgsm", 200, 100), attackStages("p", "pgd", 100, 200)}, ""},
		"unknown pipeline": {0, "", map[string]string{"pgd": "q"}, nil, ""},
		"unknown eps":      {0, "", map[string]string{"pgd": "p"}, []record.PipelineStages{attackStages("p", "pgd")}, ""},
		"extra of any eps": {0, "", map[string]string{"pgd": "p", "square": "s"}, []record.PipelineStages{attackStages("p", "pgd", 800), attackStages("s", "square", 100)}, ""},
		"corrupted both": {0, "", both, []record.PipelineStages{
			through(attackStages("f", "fgsm", 800), 1, "corruption"), through(attackStages("p", "pgd", 800), 1, "corruption"),
		}, ""},

		"no eps of the score": {
			0, "", both,
			[]record.PipelineStages{attackStages("f", "fgsm", 800), attackStages("p", "pgd", 400, 25)},
			"on.pgd: must be a pipeline that attacks with eps 8, at which the score is made; p has eps 0.25, 4: add 8 to the eps of its stage pgd, or choose one of these with options: {at: EPS}",
		},
		"no list for an area": {
			0, "auc",
			map[string]string{"fgsm": "f"},
			[]record.PipelineStages{attackStages("f", "fgsm", 800)},
			"on.fgsm: must be a pipeline of two eps at least, for score: auc; f has eps 8",
		},
		"areas of other eps": {
			0, "auc", both,
			[]record.PipelineStages{attackStages("f", "fgsm", 100, 200), attackStages("p", "pgd", 100, 800)},
			"on.pgd: must be a pipeline of the same eps as f, for score: auc: there they are 1, 2, here 1, 8",
		},
		"neither": {
			0, "",
			map[string]string{"square": "s"},
			[]record.PipelineStages{attackStages("s", "square", 800)},
			"on: must name a pipeline for fgsm or pgd",
		},
		"no attack": {
			0, "",
			map[string]string{"pgd": "clean"},
			[]record.PipelineStages{attackStages("clean", "")},
			"on.pgd: must be a pipeline whose stages end in {type: pgd}; those of clean have no attack",
		},
		"one attack for two": {
			0, "",
			map[string]string{"fgsm": "p", "pgd": "p"},
			[]record.PipelineStages{attackStages("p", "pgd", 800)},
			"on.fgsm: must be a pipeline whose stages end in {type: fgsm}; those of p end in pgd",
		},
		"versions": {
			0, "",
			map[string]string{"pgd": "p"},
			[]record.PipelineStages{through(attackStages("p", "pgd", 800), 5, "corruption")},
			"on.pgd: must be a pipeline that attacks one version of each image; the stages of p before pgd make 5",
		},
		"other images": {
			0, "", both,
			[]record.PipelineStages{attackStages("f", "fgsm", 800), through(attackStages("p", "pgd", 800), 1, "contrast")},
			"on.pgd: must attack what pipeline f attacks: there the images go through nothing before, here through contrast",
		},
		"an extra of other images": {
			0, "",
			map[string]string{"pgd": "p", "square": "s"},
			[]record.PipelineStages{through(attackStages("p", "pgd", 800), 1, "gaussian_noise"), attackStages("s", "square", 800)},
			"on.square: must attack what pipeline p attacks: there the images go through gaussian_noise before, here through nothing",
		},
		"other images of several": {
			0, "",
			map[string]string{"pgd": "p", "apgd": "a", "square": "s"},
			[]record.PipelineStages{
				attackStages("p", "pgd", 800), through(attackStages("a", "apgd", 800), 1, "contrast"), through(attackStages("s", "square", 800), 1, "rotation"),
			},
			"here through contrast\non.square: must attack what pipeline p attacks",
		},
		"other images before an area": {
			0, "auc", both,
			[]record.PipelineStages{attackStages("f", "fgsm", 100, 200), through(attackStages("p", "pgd", 100, 800), 1, "contrast")},
			"here through contrast\non.pgd: must be a pipeline of the same eps as f",
		},
	} {
		spec, err := adversarialSpec(t, c.at, c.score)
		if err != nil {
			t.Fatal(err)
		}
		err = metrics.Binding{Name: "adversarial_robustness", Spec: spec, On: c.on}.CheckStages(c.stages)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: error %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
}

// Comparing metrics need the images that their roles are named for; a metric of
// one role may be measured on any images.
func TestAdversarialImagesAreNotClean(t *testing.T) {
	stages := []record.PipelineStages{attackStages("p", "pgd", 800), attackStages("c", "")}
	for name, c := range map[string]struct {
		on   map[string]string
		want string
	}{
		"accuracy":              {map[string]string{"clean": "p"}, ""},
		"corruption_robustness": {map[string]string{"clean": "p", "corrupted": "c"}, "on.clean: must not be adversarial images: the stages of pipeline p end in pgd; name the pipeline of predictions on the clean images"},
		"object_focus":          {map[string]string{"clean": "c", "mixed_same": "c", "mixed_rand": "p"}, "on.mixed_rand: must not be adversarial images"},
	} {
		err := metrics.Binding{Name: name, Spec: newSpec(t, name), On: c.on}.CheckStages(stages)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
}
