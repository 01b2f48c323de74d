package metrics

import (
	"fmt"
	"strings"
)

// chain is what images went through before the stage that a metric scores. It
// must be the same for all.
type chain struct {
	seen   bool
	stages string
}

func (c *chain) observe(stages string) error {
	if !c.seen {
		c.seen, c.stages = true, strings.Clone(stages)
	}
	if stages != c.stages {
		return fmt.Errorf("images that went through %s before and through %s cannot be scored together; put them into pipelines of their own",
			orNothing(c.stages), orNothing(stages))
	}
	return nil
}

func orNothing(stages string) string {
	if stages == "" {
		return "nothing"
	}
	return stages
}

func (c *chain) notes() []string {
	if c.stages == "" {
		return nil
	}
	return []string{"the images went through " + c.stages + " before"}
}

// splitPerturbation takes the last stage off a chain of perturbations.
func splitPerturbation(perturbation string) (before, last string) {
	if i := strings.LastIndexByte(perturbation, '+'); i >= 0 {
		return perturbation[:i], perturbation[i+1:]
	}
	return "", perturbation
}
