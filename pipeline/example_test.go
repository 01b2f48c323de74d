package pipeline_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/apache/arrow/go/v17/arrow"

	"quba/pipeline"
	"quba/pipeline/config"
	"quba/pipeline/pipelinetest"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

// negative is a Stage: it returns new pixels and says what it did.
type negative struct{}

func (negative) Apply(_ context.Context, s pipeline.Sample) ([]pipeline.Sample, error) {
	out := s.Image.Clone()
	for i, v := range out.Pix {
		out.Pix[i] = 255 - v
	}
	return []pipeline.Sample{s, s.With(out, s.Variant.Then("negative", 0))}, nil
}

// count is a Sink: it counts predictions for each model and perturbation.
type count map[string]int

func (count) Open(context.Context, *pipeline.Run) error { return nil }

func (c count) Write(_ context.Context, rec arrow.Record) error {
	v, err := record.NewView(rec)
	if err != nil {
		return err
	}
	for i := range v.Len() {
		c[v.Model(i)+" "+v.Perturbation(i)]++
	}
	return nil
}

func (c count) Close(context.Context) error { fmt.Println(map[string]int(c)); return nil }
func (count) Abort()                        {}

// A pipeline from Go: components are registered by name, and a config, here
// in memory, puts them together.
func Example() {
	type none struct{}
	reg := pipeline.NewRegistries()
	registry.Register(reg.Sources, "memory", "Ten pictures.", none{},
		func(none) (pipeline.Source, error) { return &pipelinetest.MemSource{N: 10, Classes: 2}, nil })
	registry.Register(reg.Stages, "negative", "The image and its negative.", none{},
		func(none) (pipeline.Stage, error) { return negative{}, nil })
	registry.Register(reg.Models, "fake", "A classifier without a network.", none{},
		func(none) (pipeline.Model, error) { return &pipelinetest.FakeModel{Classes: 2, Batch: 4}, nil })
	registry.Register(reg.Sinks, "count", "Counts predictions.", none{},
		func(none) (pipeline.Sink, error) { return count{}, nil })

	out, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(out)
	c, err := config.Parse("example", ".", []byte(`
models: [{name: a, type: fake}, {name: b, type: fake}]
pipelines: [{name: p, source: {type: memory}, stages: [{type: negative}], limit: 3}]
sinks: [{type: count}]
`), config.Options{Flags: map[string]any{"out": out}})
	if err != nil {
		log.Fatal(err)
	}
	plan, err := pipeline.Compile(c, reg)
	if err != nil {
		log.Fatal(err)
	}
	result, err := plan.Run(context.Background(), pipeline.RunOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Images, "images,", result.Rows, "predictions")
	// Output:
	// map[a negative:3 a none:3 b negative:3 b none:3]
	// 3 images, 12 predictions
}

// The images of a pipeline without models: to look at them, or to save them.
func ExamplePlan_EachImage() {
	type none struct{}
	reg := pipeline.NewRegistries()
	registry.Register(reg.Sources, "memory", "Ten pictures.", none{},
		func(none) (pipeline.Source, error) { return &pipelinetest.MemSource{N: 10, Classes: 2}, nil })
	registry.Register(reg.Stages, "negative", "The image and its negative.", none{},
		func(none) (pipeline.Stage, error) { return negative{}, nil })
	// There are no models and sinks, so the error is not nil.
	c, _ := config.Parse("example", ".", []byte(`pipelines: [{name: p, source: {type: memory}, stages: [{type: negative}], limit: 2}]`), config.Options{})
	plan, err := pipeline.Compile(c, reg)
	if err != nil {
		log.Fatal(err)
	}
	_, err = plan.EachImage(context.Background(), "p", quiet(), func(clean pipeline.Sample, made []pipeline.Sample) error {
		for _, s := range made {
			fmt.Printf("%s %q, changed: %v\n", s.ID, s.Variant.Perturbation, s.Image != clean.Image)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// image0000 "", changed: false
	// image0000 "negative", changed: true
	// image0001 "", changed: false
	// image0001 "negative", changed: true
}
