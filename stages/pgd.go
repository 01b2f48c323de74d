package stages

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"quba/internal/attack"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "pgd", "Projected gradient descent: steps along the sign of the model's gradient, within eps (white-box attack).",
		pgdConfig{
			cubeConfig:    cubeConfig{Eps: []float64{8}},
			ascentConfig:  ascentConfig{Steps: dimensionSteps, RandomStart: true},
			restartConfig: restartConfig{Restarts: 1},
			accessConfig:  defaultAccess,
		}, newPGD)
}

// dimensionSteps is how many steps the PGD of adversarial_robustness takes.
const dimensionSteps = 10

type pgdConfig struct {
	cubeConfig
	Step float64 `koanf:"step" jsonschema:"minimum=0,maximum=255" jsonschema_description:"Length of a step in 1/255; 0 is a quarter of eps."`
	ascentConfig
	restartConfig
	accessConfig
}

// ascentConfig are the options of attacks in steps along the gradient.
type ascentConfig struct {
	Steps       int  `koanf:"steps" jsonschema:"minimum=1,maximum=100000" jsonschema_description:"Number of steps, each a forward and a backward pass."`
	RandomStart bool `koanf:"random_start" jsonschema_description:"Begin anywhere within eps, and not at the clean image."`
}

// restartConfig is for attacks with random starts.
type restartConfig struct {
	Restarts int `koanf:"restarts" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"Attacks from new random starts on images that withstood those before; where all fail, the one with the highest loss counts."`
}

func (c *pgdConfig) Validate() error {
	return errors.Join(c.cubeConfig.check(), checkRestarts(c.restartConfig, c.ascentConfig))
}

func checkRestarts(r restartConfig, a ascentConfig) error {
	if r.Restarts > 1 && !a.RandomStart {
		return registry.Fieldf("restarts", "must be 1 without random_start, got %d: all would be the same", r.Restarts)
	}
	return nil
}

func newPGD(c pgdConfig) (pipeline.Stage, error) {
	method := attack.PGD{Steps: c.Steps, Step: of255(c.Step), RandomStart: c.RandomStart}
	a := newCubeAttack("pgd", method, c.cubeConfig)
	a.options.Restarts, a.access = c.Restarts, c.accessConfig
	a.departures = c.departures()
	return a, nil
}

func (c pgdConfig) departures() []string {
	var found []string
	if c.Steps != dimensionSteps {
		found = append(found, fmt.Sprintf("steps %d (not %d)", c.Steps, dimensionSteps))
	}
	if eps := c.otherSteps(); len(eps) > 0 {
		found = append(found, fmt.Sprintf("step %g/255 (not a quarter of eps %s)", c.Step, strings.Join(eps, ", ")))
	}
	if !c.RandomStart {
		found = append(found, "no random start")
	}
	found = append(found, c.cubeConfig.departures()...)
	if c.Restarts > 1 {
		found = append(found, fmt.Sprintf("%d restarts (stronger)", c.Restarts))
	}
	return found
}

// otherSteps lists the eps of which the step is not a quarter, as 2/255 is of
// 8/255.
func (c pgdConfig) otherSteps() []string {
	var eps []string
	for _, e := range c.Eps {
		if c.Step != 0 && math.Abs(c.Step-e/4) > 1e-9 {
			eps = append(eps, fmt.Sprintf("%g", e))
		}
	}
	return eps
}
