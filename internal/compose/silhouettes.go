package compose

import (
	"context"
	"fmt"

	"quba/internal/imaging"
	"quba/pipeline"
)

// silhouettes are foregrounds that a stage paints black on white.
type silhouettes struct{ stage pipeline.Stage }

// FromSilhouettes takes foregrounds from an open stage that makes one image of
// the same size for each, with the foreground black and the rest white.
func FromSilhouettes(stage pipeline.Stage) Foregrounds { return silhouettes{stage} }

// Find is the part that the stage paints black.
func (s silhouettes) Find(ctx context.Context, id string, m *imaging.Image) ([]bool, error) {
	made, err := s.stage.Apply(ctx, pipeline.Sample{ID: id, Image: m})
	if err != nil {
		return nil, err
	}
	if len(made) != 1 || made[0].Image.W != m.W || made[0].Image.H != m.H {
		return nil, fmt.Errorf("a stage that finds foregrounds must make one image of the same size, made %d", len(made))
	}
	foreground := make([]bool, m.W*m.H)
	for i := range foreground {
		foreground[i] = made[0].Image.Pix[3*i] == 0
	}
	return foreground, nil
}
