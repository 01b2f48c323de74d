package stages

import (
	"errors"

	"quba/internal/attack"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "pgd_l2", "Projected gradient descent within a Euclidean ball (white-box attack).",
		pgdL2Config{
			Eps: []float64{0.5}, ascentConfig: ascentConfig{Steps: 10, RandomStart: true}, restartConfig: restartConfig{Restarts: 1},
		}, newPGDL2)
}

type pgdL2Config struct {
	Eps  []float64 `koanf:"eps" alone:"true" jsonschema:"minItems=1,exclusiveMinimum=0,maximum=10000" jsonschema_description:"Euclidean norm of the change of the whole image, where black is 0 and white 1; several make a sweep. The severity in records is in thousandths."`
	Step float64   `koanf:"step" jsonschema:"minimum=0,maximum=10000" jsonschema_description:"Length of a step, in the unit of eps; 0 is a quarter of eps."`
	ascentConfig
	restartConfig
	EarlyStop bool `koanf:"early_stop" jsonschema_description:"Leave images alone that are already classified wrongly."`
}

func (c *pgdL2Config) Validate() error {
	return errors.Join(checkEps(c.Eps, thousandths, 0.001, "thousandths"), checkRestarts(c.restartConfig, c.ascentConfig))
}

func newPGDL2(c pgdL2Config) (pipeline.Stage, error) {
	a := &attacker{
		name: "pgd_l2", levels: c.Eps, severity: thousandths,
		method:  attack.PGDL2{Steps: c.Steps, Step: float32(c.Step), RandomStart: c.RandomStart},
		options: attack.Options{Restarts: c.Restarts, EarlyStop: c.EarlyStop},
	}
	for _, level := range c.Eps {
		a.options.Radii = append(a.options.Radii, float32(level))
	}
	return a, nil
}

// thousandths is the severity of a small level.
func thousandths(level float64) int32 { return nearestWhole(1000 * level) }
