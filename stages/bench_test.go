package stages

import (
	"maps"
	"slices"
	"testing"

	"quba/pipeline/pipelinetest"
)

// BenchmarkStages is the time for one image of 224x224 pixels and all levels
// of a stage's defaults.
func BenchmarkStages(b *testing.B) {
	for _, name := range Stages.Names() {
		if name == "stylize" || isAttack(b, name) {
			continue
		}
		b.Run(name, func(b *testing.B) {
			s, in := makeDefault(b, name), still(224, 224)
			b.ReportAllocs()
			for b.Loop() {
				apply(b, s, in)
			}
		})
	}
}

func BenchmarkStylize(b *testing.B) {
	content, style := pipelinetest.Picture(224, 224, 1), pipelinetest.Picture(224, 224, 2)
	for _, method := range slices.Sorted(maps.Keys(stylizers)) {
		b.Run(method, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				stylizers[method](content, style, stylizeConfig{Beta: 0.05})
			}
		})
	}
}
