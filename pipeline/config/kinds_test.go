package config_test

import (
	"errors"
	"time"

	"quba/pipeline/config"
	"quba/pipeline/registry"
)

// The components of the tests: their options use everything that options can
// be.
type (
	folderOptions struct {
		Root   string `koanf:"root" path:"dir" env:"true" jsonschema:"required" jsonschema_description:"The folder."`
		Labels string `koanf:"labels" jsonschema_description:"How folders become classes."`
	}
	onnxOptions struct {
		Path  string     `koanf:"path" path:"file" env:"true" jsonschema:"required" jsonschema_description:"The file."`
		Mean  [3]float32 `koanf:"mean" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Mean of each channel."`
		Batch int        `koanf:"batch" jsonschema:"minimum=1,maximum=256" jsonschema_description:"Images at once."`
	}
	noiseOptions struct {
		common
		Severities []int32        `koanf:"severities" jsonschema:"minItems=1,maxItems=5,uniqueItems=true,minimum=1,maximum=5" jsonschema_description:"Strengths."`
		Scale      float64        `koanf:"scale" jsonschema:"exclusiveMinimum=0,maximum=10" jsonschema_description:"Factor."`
		Clip       bool           `koanf:"clip" jsonschema_description:"Keep the range."`
		Timeout    time.Duration  `koanf:"timeout" jsonschema_description:"How long to wait."`
		Power      *float64       `koanf:"power" jsonschema:"minimum=1" jsonschema_description:"Exponent, if any."`
		Small      uint8          `koanf:"small" jsonschema_description:"A byte."`
		Choice     int            `koanf:"choice" jsonschema:"enum=1,enum=2,enum=4" jsonschema_description:"A power of two."`
		Window     window         `koanf:"window" jsonschema_description:"Where."`
		Steps      []window       `koanf:"steps" jsonschema_description:"Where, in turn."`
		Weights    map[string]int `koanf:"weights" jsonschema_description:"Weight of each class."`
		Textures   []string       `koanf:"textures" path:"dir" env:"true" jsonschema_description:"Folders of textures."`
		Code       string         `koanf:"code" jsonschema:"minLength=2,maxLength=4" jsonschema_description:"Short."`
	}
	common struct {
		Tag string `koanf:"tag" jsonschema:"pattern=^[a-z]+$" jsonschema_description:"A word."`
	}
	window struct {
		Width  int `koanf:"width" jsonschema:"required,minimum=1" jsonschema_description:"In pixels."`
		Height int `koanf:"height" jsonschema_description:"In pixels."`
	}
	predictionsOptions struct{}
	scoresOptions      struct {
		Metric  string            `koanf:"metric" jsonschema:"required" jsonschema_description:"Which metric."`
		On      map[string]string `koanf:"on" jsonschema_description:"Role to pipeline."`
		Options registry.Raw      `koanf:"options" jsonschema_description:"Options of the metric."`
	}
	calibrationOptions struct {
		Bins int `koanf:"bins" jsonschema:"minimum=2" jsonschema_description:"How many bins."`
	}
)

var kinds = config.Kinds{
	Sources: []config.Kind{{Name: "image_folder", Summary: "Class folders.", Defaults: folderOptions{Labels: "folders"}}},
	Stages:  []config.Kind{{Name: "noise", Summary: "Noise.", Defaults: noiseOptions{Scale: 1, Timeout: time.Minute, Window: window{Width: 3}}}},
	Models:  []config.Kind{{Name: "onnx", Summary: "An ONNX file.", Defaults: onnxOptions{Batch: 32}}},
	Sinks: []config.Kind{
		{Name: "predictions", Summary: "Parquet.", Defaults: predictionsOptions{}},
		{Name: "scores", Summary: "A metric.", Defaults: scoresOptions{}},
	},
	Metrics: []config.Kind{
		{Name: "accuracy", Summary: "Accuracy.", Defaults: struct{}{}},
		{Name: "calibration_error", Summary: "Calibration.", Defaults: calibrationOptions{Bins: 15}},
	},
}

// decoded is the options of all components, by path.
type decoded map[string]any

// compile decodes every component as the engine does.
func compile(c config.Config) (decoded, error) {
	all := decoded{}
	var errs []error
	one := func(component config.Component) {
		into := optionsFor(component.Type)
		if into == nil {
			return
		}
		errs = append(errs, component.Options.Decode(into))
		all[component.Path] = into
		scores, ok := into.(*scoresOptions)
		if !ok || scores.Metric != "calibration_error" {
			return
		}
		metric := &calibrationOptions{Bins: 15}
		errs = append(errs, scores.Options.Decode(metric))
		scores.Options = registry.Raw{}
		all[component.Path+".options"] = metric
	}
	for _, m := range c.Models {
		one(m.Component)
	}
	for _, p := range c.Pipelines {
		one(p.Source)
		for _, stage := range p.Stages {
			one(stage)
		}
	}
	for _, sink := range c.Sinks {
		one(sink)
	}
	return all, errors.Join(errs...)
}

func optionsFor(kind string) any {
	switch kind {
	case "image_folder":
		return &folderOptions{Labels: "folders"}
	case "noise":
		return &noiseOptions{Scale: 1, Timeout: time.Minute, Window: window{Width: 3}}
	case "onnx":
		return &onnxOptions{Batch: 32}
	case "predictions":
		return &predictionsOptions{}
	case "scores":
		return &scoresOptions{}
	}
	return nil
}
