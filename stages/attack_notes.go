package stages

import (
	"errors"
	"fmt"
	"strings"

	"quba/internal/attack"
	"quba/internal/autodiff"
	"quba/pipeline"
)

// Notes says where the attack is another than scores are defined by, or does
// not act on pixels. The latter is known after Open.
func (a *attacker) Notes() []string {
	var notes []string
	if len(a.departures) > 0 {
		notes = append(notes, fmt.Sprintf("%s differs from the definition of adversarial_robustness: %s", a.name, strings.Join(a.departures, ", ")))
	}
	if a.normalised {
		notes = append(notes, "attacks act on normalised images, clipped to 0..1, as in the authors' released code: eps is in units of the standard deviation of colours, "+
			"and the results cannot be compared between models with different normalisations, nor with attacks on pixels")
	}
	return notes
}

// notes say how the model is attacked where that is not plain.
func (x *access) notes() []string {
	var notes []string
	for _, note := range x.Notes() {
		notes = append(notes, "gradient: "+note)
	}
	if x.missing != nil {
		notes = append(notes, whyMissing(x.missing))
	}
	if square, ok := x.method.(attack.Square); ok && x.missing != nil {
		notes = append(notes, fmt.Sprintf("%s makes up to %d queries in a search", x.name, square.Queries))
	}
	return notes
}

// whyMissing leaves out the model, whose note it is, and the advice to take
// Square, which has the place already.
func whyMissing(err error) string {
	var reason *autodiff.UnsupportedError
	switch {
	case !errors.As(err, &reason):
		text, _, _ := strings.Cut(err.Error(), "; use the attack")
		return "no gradient: " + strings.TrimPrefix(text, pipeline.ErrNoGradient.Error()+": ")
	case reason.Operator == "":
		return "no gradient: " + reason.Reason
	case reason.Reason == "":
		return "no gradient of operator " + reason.Operator
	default:
		return fmt.Sprintf("no gradient of operator %s: %s", reason.Operator, reason.Reason)
	}
}
