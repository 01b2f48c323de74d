package metrics

import (
	"errors"
	"slices"
	"strings"

	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// attackCheck finds before a run what would leave adversarial_robustness
// without a score after it.
type attackCheck struct {
	at    int32 // severity of the score
	area  bool
	roles map[string]*record.PipelineStages // nil where nothing is known
}

func (c attackCheck) run() error {
	faults := []error{c.checkScored()}
	for _, role := range attackRoles {
		if p := c.roles[role.Name]; p != nil {
			faults = append(faults, c.checkRole(role.Name, p))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	return errors.Join(c.checkBefore(), c.checkAreas())
}

// checkScored says that one of the attacks that the score is the mean over must
// be there.
func (c attackCheck) checkScored() error {
	var names []string
	for _, role := range attackRoles[:scoredAttacks] {
		if _, bound := c.roles[role.Name]; bound {
			return nil
		}
		names = append(names, role.Name)
	}
	return registry.Fieldf("on", "must name a pipeline for %s: the score is the mean over them", strings.Join(names, " or "))
}

func (c attackCheck) checkRole(role string, p *record.PipelineStages) error {
	field := "on." + role
	switch {
	case p.Attack == "":
		return registry.Fieldf(field, "must be a pipeline whose stages end in {type: %s}; those of %s have no attack", role, p.Pipeline)
	case p.Attack != role:
		return registry.Fieldf(field, "must be a pipeline whose stages end in {type: %s}; those of %s end in %s", role, p.Pipeline, p.Attack)
	case p.Versions > 1:
		return registry.Fieldf(field, "must be a pipeline that attacks one version of each image; the stages of %s before %s make %d: give each a pipeline of its own",
			p.Pipeline, role, p.Versions)
	case p.Severities == nil || !scored(role):
		return nil
	case c.area && len(p.Severities) < 2:
		return registry.Fieldf(field, "must be a pipeline of two eps at least, for score: auc; %s has eps %s: give the stage %s a list, such as eps: [1, 2, 4, 8]",
			p.Pipeline, epsList(role, p.Severities), role)
	case !c.area && !slices.Contains(p.Severities, c.at):
		return registry.Fieldf(field, "must be a pipeline that attacks with eps %s, at which the score is made; %s has eps %s: add %s to the eps of its stage %s, or choose one of these with options: {at: EPS}",
			epsNumber(role, c.at), p.Pipeline, epsList(role, p.Severities), epsNumber(role, c.at), role)
	}
	return nil
}

func scored(role string) bool {
	return slices.ContainsFunc(attackRoles[:scoredAttacks], func(r Role) bool { return r.Name == role })
}

// checkBefore compares the stages before every attack, those that only add
// parts among them: one chain that differs leaves no score at all.
func (c attackCheck) checkBefore() error {
	var first *record.PipelineStages
	var faults []error
	for _, role := range attackRoles {
		p := c.roles[role.Name]
		switch {
		case p == nil:
		case first == nil:
			first = p
		case !slices.Equal(first.Before, p.Before):
			faults = append(faults, registry.Fieldf("on."+role.Name, "must attack what pipeline %s attacks: there the images go through %s before, here through %s",
				first.Pipeline, orNothing(strings.Join(first.Before, ", ")), orNothing(strings.Join(p.Before, ", "))))
		}
	}
	return errors.Join(faults...)
}

// checkAreas compares the eps of the two attacks of the score.
func (c attackCheck) checkAreas() error {
	first, second := c.roles[attackRoles[0].Name], c.roles[attackRoles[1].Name]
	if !c.area || first == nil || second == nil || slices.Equal(sorted(first.Severities), sorted(second.Severities)) {
		return nil
	}
	return registry.Fieldf("on."+second.Attack, "must be a pipeline of the same eps as %s, for score: auc: there they are %s, here %s",
		first.Pipeline, epsList(first.Attack, first.Severities), epsList(second.Attack, second.Severities))
}

func sorted(severities []int32) []int32 { return slices.Sorted(slices.Values(severities)) }

// epsList lists eps in the unit of their attack, in rising order.
func epsList(attack string, severities []int32) string {
	var texts []string
	for _, severity := range sorted(severities) {
		texts = append(texts, epsNumber(attack, severity))
	}
	return strings.Join(texts, ", ")
}
