package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"quba/internal/imagenet"
	"quba/pipeline/record"
	"quba/ranking"
)

func init() {
	register("accuracy", classes)
	register("class_balance", classes)
}

// endRows is how many of the best and of the worst classes are shown.
const endRows = 10

// classes lists the classes by accuracy, best first: how many images each
// has, and mean and population standard deviation of the probability given to
// it. Equal ones are in the order of that mean. It is made from the stored
// predictions.
func classes(s Subject) (Table, error) {
	clean, ok := s.Value.Origin.On["clean"]
	if !ok {
		return notStored(), nil
	}
	tallies, err := tallyClasses(s, clean.Name)
	if err != nil {
		return Table{}, err
	}
	if len(tallies) == 0 {
		return notStored(), nil
	}
	slices.SortFunc(tallies, func(a, b classTally) int {
		return cmp.Or(-cmp.Compare(a.accuracy(), b.accuracy()), -cmp.Compare(a.mean, b.mean), cmp.Compare(a.class, b.class))
	})
	t := Table{Columns: []string{"place", "class", "name", "n", "accuracy", "p_true", "p_true_std"}, Rest: s.Value.Parts}
	for i, c := range tallies {
		if !s.All && i >= endRows && i < len(tallies)-endRows {
			continue
		}
		t.add(int64(i+1), int64(c.class), className(c.class, clean, s.Value.Origin.Classes), c.n, c.accuracy(), c.mean, math.Sqrt(c.m2/float64(c.n)))
	}
	if left := len(tallies) - len(t.Rows); left > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("the %d classes between the best and the worst %d are left out: --all shows them", left, endRows))
	}
	return t, nil
}

func notStored() Table {
	return Table{Notes: []string{"no accuracies of classes: they need stored predictions; add the sink predictions to the config, run again, and name the result folder"}}
}

// classTally holds the running moments (Welford) of the true-class
// probability.
type classTally struct {
	class      int32
	n, correct int64
	mean, m2   float64
}

func (t *classTally) add(pTrue float64, correct bool) {
	t.n++
	if correct {
		t.correct++
	}
	delta := pTrue - t.mean
	t.mean += delta / float64(t.n)
	t.m2 += delta * (pTrue - t.mean)
}

func (t classTally) accuracy() float64 { return float64(t.correct) / float64(t.n) }

// tallyClasses counts the stored predictions of a pipeline by true class.
func tallyClasses(s Subject, pipeline string) ([]classTally, error) {
	var tallies []classTally
	at := map[int32]int{}
	err := ranking.ReadPredictions(s.Value.Origin.Source, s.Model, pipeline, func(v record.View) error {
		for i := range v.Len() {
			if !v.HasLabel(i) {
				continue
			}
			label := v.Label(i)
			if _, seen := at[label]; !seen {
				at[label] = len(tallies)
				tallies = append(tallies, classTally{class: label})
			}
			tallies[at[label]].add(float64(v.PTrue(i)), v.Correct(i))
		}
		return nil
	})
	return tallies, err
}

// className is the name of a class among those of the pipeline's decision, or
// of ImageNet where the model has as many; "" where nothing names it.
func className(class int32, p record.PipelineRecord, outputs int) any {
	switch {
	case int(class) < len(p.Classes):
		name := p.Classes[class]
		if known, ok := imagenet.Index(name); ok {
			return imagenet.All()[known].Name
		}
		return name
	case len(p.Classes) == 0 && outputs == imagenet.Classes && int(class) < imagenet.Classes:
		return imagenet.All()[class].Name
	}
	return nil
}
