package stages

import (
	"errors"

	"quba/internal/attack"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "pgd", "Projected gradient descent: steps along the sign of the model's gradient, within eps (white-box attack).",
		pgdConfig{
			cubeConfig:    cubeConfig{Eps: []float64{8}},
			ascentConfig:  ascentConfig{Steps: 10, RandomStart: true},
			restartConfig: restartConfig{Restarts: 1},
			accessConfig:  defaultAccess,
		}, newPGD)
}

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
	return a, nil
}
