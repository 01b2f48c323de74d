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
	registry.Register(Registry, "patch_shuffle_sensitivity",
		"Accuracy lost, relative to clean accuracy, when the patches of an image are shuffled; mean over the grids.",
		noOptions{}, newPatchShuffleSensitivity)
}

const roleShuffled = "shuffled"

// patchShuffle is the perturbation whose severity is the n of an n x n grid.
const patchShuffle = "patch_shuffle"

func newPatchShuffleSensitivity(noOptions) (Spec, error) {
	clean := cleanRole
	clean.Optional = true
	return Spec{
		Better: Lower,
		Extra:  true,
		Roles:  []Role{{Name: roleShuffled, Doc: "predictions on images with shuffled patches"}, clean},
		New:    func(Env) Metric { return &patchShuffleSensitivity{grids: map[int32]*tally{}} },
	}, nil
}

// patchShuffleSensitivity is 1 - mean over grids of accuracy divided by clean
// accuracy: 0 for a model to which the arrangement of patches means nothing, 1
// for one that recognises nothing without it. Without clean images it is 1 -
// mean accuracy. Part grid4 is the accuracy with 4 x 4 patches, clean that on
// clean images.
type patchShuffleSensitivity struct {
	grids     map[int32]*tally
	clean     tally
	perturbed perturbed
	chain     chain
}

var _ Metric = (*patchShuffleSensitivity)(nil)

func (p *patchShuffleSensitivity) Observe(role string, v record.View) error {
	if role != roleShuffled && role != roleClean {
		return fmt.Errorf("unknown role %q; must be %q or %q", role, roleShuffled, roleClean)
	}
	for i := range v.Len() {
		if err := checkLabel(v, i); err != nil {
			return err
		}
		if role == roleClean {
			p.perturbed.observe(v, i)
			p.clean.add(v.Correct(i))
			continue
		}
		if err := p.observeShuffled(v, i); err != nil {
			return err
		}
	}
	return nil
}

func (p *patchShuffleSensitivity) observeShuffled(v record.View, i int) error {
	before, last := splitPerturbation(v.Perturbation(i))
	if last != patchShuffle {
		return fmt.Errorf("sample %q: perturbation must be %s, is %q", v.ID(i), patchShuffle, v.Perturbation(i))
	}
	n := v.Severity(i)
	if n < 1 {
		return fmt.Errorf("sample %q: severity must be the n of an n x n grid, got %d", v.ID(i), n)
	}
	if err := p.chain.observe(before); err != nil {
		return err
	}
	if p.grids[n] == nil {
		p.grids[n] = &tally{}
	}
	p.grids[n].add(v.Correct(i))
	return nil
}

func (p *patchShuffleSensitivity) Score() (Score, error) {
	if len(p.grids) == 0 {
		return Score{}, errNothingSeen
	}
	baseline := 1.0
	s := Score{Notes: append(p.perturbed.notes(p.clean.n), p.chain.notes()...)}
	if p.clean.n > 0 {
		baseline = p.clean.accuracy()
		s.Parts = append(s.Parts, Part{Name: roleClean, Value: baseline, N: p.clean.n})
	}
	if baseline == 0 {
		return Score{}, errors.New("clean accuracy is 0; accuracy relative to it is not defined")
	}
	sum := 0.0
	for _, n := range slices.Sorted(maps.Keys(p.grids)) {
		grid := p.grids[n]
		sum += grid.accuracy() / baseline
		s.N += grid.n
		s.Parts = append(s.Parts, Part{Name: fmt.Sprintf("grid%d", n), Value: grid.accuracy(), N: grid.n})
	}
	s.Value = 1 - sum/float64(len(p.grids))
	return s, nil
}

func (*patchShuffleSensitivity) Close() error { return nil }
