package stages

import (
	"quba/internal/attack"
	"quba/pipeline"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Stages, "square", "Square attack: random search with squares of colour, for models without a gradient (black-box attack).",
		squareConfig{cubeConfig: cubeConfig{Eps: []float64{8}}, Queries: 5000, restartConfig: restartConfig{Restarts: 1}}, newSquare)
}

type squareConfig struct {
	cubeConfig
	Queries int `koanf:"queries" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"Forward passes for each image and restart, at most; 5000 in AutoAttack."`
	restartConfig
}

func (c *squareConfig) Validate() error { return c.check() }

func newSquare(c squareConfig) (pipeline.Stage, error) {
	a := newCubeAttack("square", attack.Square{Queries: c.Queries}, c.cubeConfig)
	a.options.Restarts = c.Restarts
	return a, nil
}
