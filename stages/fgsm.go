package stages

import (
	"quba/internal/attack"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "fgsm", "Fast gradient sign method: one step along the sign of the model's gradient (white-box attack).",
		fgsmConfig{cubeConfig: cubeConfig{Eps: []float64{8}}, accessConfig: defaultAccess}, newFGSM)
}

type fgsmConfig struct {
	cubeConfig
	accessConfig
}

func (c *fgsmConfig) Validate() error { return c.check() }

func newFGSM(c fgsmConfig) (pipeline.Stage, error) {
	a := newCubeAttack("fgsm", attack.FGSM{}, c.cubeConfig)
	a.access, a.departures = c.accessConfig, c.departures()
	return a, nil
}
