package stages

import (
	"context"
	"fmt"
	"math"

	"quba/pipeline"
	"quba/pipeline/registry"
)

// parametric is a stage that makes one image for each of its levels. The
// severity of a record is the level in a whole unit, 0 included.
type parametric[L any] struct {
	name     string
	levels   []L
	severity func(L) int32
	// prepare does what the levels share; what it returns makes the image of
	// one level, the input's own where nothing changes.
	prepare func(pipeline.Sample) func(L) (*pipeline.Image, error)
}

// Apply makes the images in the order of the levels.
func (p *parametric[L]) Apply(ctx context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	render := p.prepare(s)
	out := make([]pipeline.Sample, 0, len(p.levels))
	for _, level := range p.levels {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		image, err := render(level)
		if err != nil {
			return nil, err
		}
		out = append(out, s.With(image, atLevel(s.Variant, p.name, p.severity(level))))
	}
	return out, nil
}

// Variants is the number of levels.
func (p *parametric[L]) Variants() int { return len(p.levels) }

// atLevel is the variant after a perturbation of a level, which is the
// severity also where it is 0.
func atLevel(v pipeline.Variant, name string, level int32) pipeline.Variant {
	v = v.Then(name, max(level, 1)) // 0 would keep the severity before
	v.Severity = level
	return v
}

func wholeLevel(level int) int32 { return int32(level) }

// hundredths is the severity of a level that is a fraction.
func hundredths(level float64) int32 { return int32(math.Round(100 * level)) }

// nearestWhole is the severity of a level with a fractional part.
func nearestWhole(level float64) int32 { return int32(math.Round(level)) }

// distinctLevels reports levels that records could not tell apart, or not from
// 0, which changes nothing.
func distinctLevels(field string, levels []float64, severity func(float64) int32, unit string) error {
	first := map[int32]float64{}
	for _, level := range levels {
		n := severity(level)
		if n == 0 && level != 0 {
			return registry.Fieldf(field, "a level must not be 0 when rounded to whole %s, as %g is; 0 stands for the unchanged image", unit, level)
		}
		if other, taken := first[n]; taken {
			return registry.Fieldf(field, "levels must differ when rounded to whole %s, got %g and %g", unit, other, level)
		}
		first[n] = level
	}
	return nil
}

// itemOf is the key of one item of a list.
func itemOf(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }
