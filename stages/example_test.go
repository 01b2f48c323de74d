package stages_test

import (
	"context"
	"fmt"
	"log"

	"quba/pipeline"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/registry"
	"quba/stages"
)

// A whole stage: its options, which are checked and documented by their tags,
// what it does, and its registration. In a file of this package it would
// register with Stages, from an init function.
type posterizeConfig struct {
	Levels int `koanf:"levels" jsonschema:"minimum=2,maximum=256" jsonschema_description:"Levels that each channel keeps."`
}

type posterize struct{ step int }

func (p posterize) Apply(_ context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	out := s.Image.Clone() // the pixels that came are never written to
	for i, v := range out.Pix {
		out.Pix[i] = byte(int(v) / p.step * p.step)
	}
	return []pipeline.Sample{s.With(out, s.Variant.Then("posterize", 0))}, nil
}

func Example_customStage() {
	reg := pipeline.NewRegistries()
	registry.Register(reg.Stages, "posterize", "Fewer levels in each channel.", posterizeConfig{Levels: 4},
		func(c posterizeConfig) (pipeline.Stage, error) { return posterize{256 / c.Levels}, nil })

	entry, err := reg.Stages.Lookup("posterize")
	if err != nil {
		log.Fatal(err)
	}
	stage, err := entry.New(nil) // nil: the defaults; a config decodes its options over them
	if err != nil {
		log.Fatal(err)
	}
	pixel := pipeline.Sample{ID: "pixel", Label: record.NoClass, Image: &pipeline.Image{W: 1, H: 1, Pix: []byte{10, 100, 250}}}
	made, err := stage.Apply(context.Background(), pixel)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(made[0].Variant.Perturbation, made[0].Image.Pix)
	// Output: posterize [0 64 192]
}

// Stages can be used one after another without a pipeline; in one, their
// options come from a config.
func Example_chain() {
	samples := []pipeline.Sample{{ID: "picture", Seed: 1, Label: record.NoClass, Image: pipelinetest.Picture(16, 16, 1)}}
	for _, name := range []string{"grayscale", "patch_shuffle"} {
		entry, err := stages.Stages.Lookup(name)
		if err != nil {
			log.Fatal(err)
		}
		stage, err := entry.New(nil)
		if err != nil {
			log.Fatal(err)
		}
		var next []pipeline.Sample
		for _, s := range samples {
			made, err := stage.Apply(context.Background(), s)
			if err != nil {
				log.Fatal(err)
			}
			next = append(next, made...)
		}
		samples = next
	}
	for _, s := range samples {
		fmt.Println(s.Variant.Perturbation, s.Variant.Severity)
	}
	// Output:
	// grayscale+patch_shuffle 2
	// grayscale+patch_shuffle 4
	// grayscale+patch_shuffle 8
}
