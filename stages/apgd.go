package stages

import (
	"quba/internal/attack"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "apgd", "AutoPGD on the cross-entropy: gradient steps with momentum, halved where progress stalls (white-box attack).",
		apgdConfig{
			cubeConfig: cubeConfig{Eps: []float64{8}}, Steps: 100, restartConfig: restartConfig{Restarts: 1}, accessConfig: defaultAccess,
		}, newAPGD)
}

type apgdConfig struct {
	cubeConfig
	Steps int `koanf:"steps" jsonschema:"minimum=1,maximum=100000" jsonschema_description:"Number of steps, each a forward and a backward pass; 100 as published."`
	restartConfig
	accessConfig
}

func (c *apgdConfig) Validate() error { return c.check() }

func newAPGD(c apgdConfig) (pipeline.Stage, error) {
	a := newCubeAttack("apgd", attack.APGD{Steps: c.Steps}, c.cubeConfig)
	a.options.Restarts, a.access = c.Restarts, c.accessConfig
	return a, nil
}
