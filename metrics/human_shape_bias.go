package metrics

import "sync"

// humanDecisions counts the decisions of one subject on the images of one
// category that show its shape: 75 with another texture, 5 with its own.
type humanDecisions struct {
	shape, texture int64 // on those with another texture
	congruent      int64 // right ones on those with its own
}

const (
	humanSubjects   = 5
	humanConflicts  = 75
	humanCongruents = 5
)

// humanCueConflicts are the decisions of subject-01 to subject-05 on the 1280
// cue-conflict images of Geirhos et al. (2019), counted from
// raw-data/cue-conflict of github.com/bethgelab/model-vs-human.
var humanCueConflicts = []struct {
	category string
	subjects [humanSubjects]humanDecisions
}{
	{"airplane", [humanSubjects]humanDecisions{{30, 4, 2}, {32, 6, 3}, {46, 5, 4}, {29, 10, 4}, {55, 6, 5}}},
	{"bear", [humanSubjects]humanDecisions{{37, 4, 2}, {45, 3, 4}, {61, 2, 5}, {43, 7, 3}, {58, 1, 4}}},
	{"bicycle", [humanSubjects]humanDecisions{{68, 0, 5}, {74, 0, 5}, {74, 0, 5}, {67, 0, 4}, {75, 0, 5}}},
	{"bird", [humanSubjects]humanDecisions{{59, 0, 5}, {59, 3, 4}, {66, 1, 5}, {50, 3, 5}, {59, 3, 4}}},
	{"boat", [humanSubjects]humanDecisions{{46, 4, 2}, {29, 6, 5}, {42, 8, 4}, {22, 5, 2}, {43, 3, 5}}},
	{"bottle", [humanSubjects]humanDecisions{{58, 3, 5}, {67, 1, 5}, {70, 1, 5}, {60, 2, 5}, {71, 0, 5}}},
	{"car", [humanSubjects]humanDecisions{{59, 2, 5}, {69, 3, 5}, {68, 4, 5}, {64, 1, 5}, {70, 2, 5}}},
	{"cat", [humanSubjects]humanDecisions{{50, 4, 4}, {54, 2, 5}, {64, 0, 4}, {39, 6, 4}, {56, 4, 4}}},
	{"chair", [humanSubjects]humanDecisions{{56, 1, 3}, {72, 1, 5}, {71, 0, 5}, {59, 2, 4}, {73, 0, 5}}},
	{"clock", [humanSubjects]humanDecisions{{68, 0, 5}, {70, 1, 5}, {72, 0, 5}, {67, 1, 5}, {75, 0, 5}}},
	{"dog", [humanSubjects]humanDecisions{{54, 1, 4}, {55, 4, 5}, {52, 3, 4}, {31, 4, 4}, {53, 6, 4}}},
	{"elephant", [humanSubjects]humanDecisions{{57, 0, 4}, {63, 2, 5}, {54, 3, 5}, {41, 4, 3}, {58, 3, 5}}},
	{"keyboard", [humanSubjects]humanDecisions{{54, 1, 3}, {57, 7, 2}, {63, 3, 2}, {29, 5, 2}, {67, 2, 4}}},
	{"knife", [humanSubjects]humanDecisions{{27, 4, 3}, {40, 9, 4}, {65, 3, 5}, {18, 11, 4}, {66, 7, 4}}},
	{"oven", [humanSubjects]humanDecisions{{46, 2, 3}, {52, 4, 4}, {67, 1, 4}, {51, 3, 4}, {66, 1, 5}}},
	{"truck", [humanSubjects]humanDecisions{{60, 3, 3}, {69, 2, 4}, {71, 0, 4}, {57, 0, 4}, {72, 0, 5}}},
}

// HumanShapeBias is what shape_bias is compared with: its value and parts,
// averaged over five people who saw the published cue-conflict images. N is the
// number of images that each of them decided on. The slices are shared: do not
// write to them.
var HumanShapeBias = sync.OnceValue(func() Score {
	var mean Score
	for subject := range humanSubjects {
		addMean(&mean, humanScore(subject))
	}
	return mean
})

// humanScore is the score of one subject, defined for every category.
func humanScore(subject int) Score {
	s := shapeBias{categories: map[int32]*cueTally{}}
	for class, row := range humanCueConflicts {
		d := row.subjects[subject]
		s.names = append(s.names, row.category)
		s.categories[int32(class)] = &cueTally{
			images: humanConflicts + humanCongruents, correct: d.shape + d.congruent,
			conflicts: humanConflicts, shape: d.shape, texture: d.texture,
		}
		s.all.merge(s.categories[int32(class)])
	}
	value, _ := s.all.bias()
	return Score{Value: value, N: s.all.conflicts, Parts: append(s.all.parts(), s.categoryParts()...)}
}

func (t *cueTally) merge(other *cueTally) {
	t.images += other.images
	t.correct += other.correct
	t.conflicts += other.conflicts
	t.shape += other.shape
	t.texture += other.texture
}

// addMean adds a subject's share of the mean; all have the same parts.
func addMean(mean *Score, s Score) {
	if mean.Parts == nil {
		mean.N = s.N
		mean.Parts = make([]Part, len(s.Parts))
	}
	mean.Value += s.Value / humanSubjects
	for i, p := range s.Parts {
		mean.Parts[i].Name, mean.Parts[i].N = p.Name, p.N
		mean.Parts[i].Value += p.Value / humanSubjects
	}
}
