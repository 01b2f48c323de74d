package metrics

import (
	"errors"
	"fmt"
	"strings"

	"quba/pipeline/record"
)

// errNothingSeen is the error of a score without samples.
var errNothingSeen = errors.New("no samples were seen; a score needs at least one")

// noOptions is the config of a metric that has none.
type noOptions struct{}

// roleClean is the role of predictions on unperturbed images.
const roleClean = "clean"

var cleanRole = Role{Name: roleClean, Doc: "predictions on the clean images"}

// checkRole guards a metric against records of a role it does not have.
func checkRole(got, want string) error {
	if got != want {
		return fmt.Errorf("unknown role %q; must be %q", got, want)
	}
	return nil
}

// checkLabel says that row i needs a label within the classes of the model.
func checkLabel(v record.View, i int) error {
	if v.HasLabel(i) {
		return nil
	}
	if v.Label(i) == record.NoClass {
		return fmt.Errorf("sample %q has no label; every sample needs one", v.ID(i))
	}
	return fmt.Errorf("sample %q: label %d is no class of the model", v.ID(i), v.Label(i))
}

// perturbed counts the samples of a clean role that are not clean. They are
// scored, but the score must say so.
type perturbed struct {
	first string
	rows  int64
}

func (p *perturbed) observe(v record.View, i int) {
	perturbation := v.Perturbation(i)
	if perturbation == record.CleanPerturbation {
		return
	}
	if p.rows == 0 {
		p.first = strings.Clone(perturbation)
	}
	p.rows++
}

func (p *perturbed) notes(n int64) []string {
	if p.rows == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %d images are perturbed (%s), not clean", p.rows, n, p.first)}
}
