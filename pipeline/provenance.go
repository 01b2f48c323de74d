package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"quba/internal/imaging"
	"quba/internal/parquetio"
	"quba/pipeline/config"
	"quba/pipeline/record"
)

// Runtimer is a model that names the library that runs it.
type Runtimer interface{ Runtime() string }

func (r *runner) metadata() map[string]string {
	c := r.plan.config
	datasets := map[string]string{}
	for _, p := range r.info.Pipelines {
		datasets[p.Name] = p.Source.Digest
	}
	return map[string]string{
		record.MetaSchema: record.Version, record.MetaTool: Version, record.MetaConfigHash: config.Hash(c),
		record.MetaSeed: strconv.FormatUint(c.Seed, 10), record.MetaProtocol: c.Protocol,
		record.MetaRuntime: r.runtime(), record.MetaJPEG: imaging.JPEGDecoder(),
		record.MetaModels: mustJSON(r.modelRecords()), record.MetaDatasets: mustJSON(datasets), record.MetaPipelines: mustJSON(r.pipelineRecords()),
		record.MetaStages: mustJSON(r.stages), record.MetaMetrics: mustJSON(r.metricSpecs()),
	}
}

// list is never null in JSON.
func list[T any](items []T) []T { return append([]T{}, items...) }

// mustJSON encodes values of this package, which cannot fail.
func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (r *runner) runtime() string {
	for _, m := range r.models {
		if named, ok := m.model.(Runtimer); ok && m.opened {
			return named.Runtime()
		}
	}
	return ""
}

func (r *runner) modelRecords() []record.ModelRecord {
	records := []record.ModelRecord{}
	for _, m := range r.info.Models {
		records = append(records, record.ModelRecord{
			Name: m.Name, SHA256: m.Info.SHA256, Classes: m.Info.Classes,
			Parameters: m.Info.Parameters, ParametersOrigin: m.Info.ParametersOrigin, Labels: m.Info.Labels,
			Notes: m.Notes,
		})
	}
	return records
}

func (r *runner) pipelineRecords() []record.PipelineRecord {
	records := []record.PipelineRecord{}
	for _, p := range r.info.Pipelines {
		records = append(records, p.Record())
	}
	return records
}

func (r *runner) metricSpecs() []record.MetricSpec {
	specs := []record.MetricSpec{}
	for _, s := range r.plan.sinks {
		if d, ok := s.sink.(Describer); ok {
			specs = append(specs, d.MetricSpec())
		}
	}
	return specs
}

// What run.json says of how a run ended.
const (
	statusComplete    = "complete"
	statusIncomplete  = "incomplete" // a model failed, a score is not defined, or bad images are over the budget
	statusInterrupted = "interrupted"
)

// runFile is run.json.
type runFile struct {
	Version     string            `json:"version"`
	ConfigHash  string            `json:"config_hash"`
	Status      string            `json:"status"`
	Started     time.Time         `json:"started"`
	ElapsedS    float64           `json:"elapsed_s"`
	FirstRecord float64           `json:"first_record_s"`
	Images      int64             `json:"images"`
	ImagesPerS  float64           `json:"images_per_s"`
	Predictions int64             `json:"predictions"`
	Resumed     Resumed           `json:"resumed,omitzero"`
	Bad         int64             `json:"bad"`
	Warnings    int64             `json:"damaged_but_used"`
	OverBudget  []string          `json:"over_bad_budget"`
	Failed      []FailedModel     `json:"failed_models"`
	LeftOut     []LeftOut         `json:"left_out"`
	Problems    []string          `json:"problems"`
	CPU         CPUTime           `json:"cpu"`
	Workers     int               `json:"workers"`
	Provenance  map[string]string `json:"provenance"`
	Models      []modelFacts      `json:"models"`
	Stages      []stageFacts      `json:"stages"`
}

type modelFacts struct {
	Name  string `json:"name"`
	Facts []Fact `json:"facts"`
}

type stageFacts struct {
	Pipeline string `json:"pipeline"`
	Stage    string `json:"stage"`
	Facts    []Fact `json:"facts"`
}

// stageFacts lists the stages that have facts, in config order. They must be
// open.
func (p *Plan) stageFacts() []stageFacts {
	listed := make([][]stageFacts, len(p.config.Pipelines))
	for _, pass := range p.passes {
		for _, pl := range pass.pipelines {
			listed[pl.order] = pl.facts(p.config.Pipelines[pl.order])
		}
	}
	return list(slices.Concat(listed...))
}

func (pl planPipeline) facts(c config.Pipeline) []stageFacts {
	var told []stageFacts
	for i, st := range pl.stages {
		factual, ok := st.stage.(Factual)
		if !ok {
			continue
		}
		if facts := factual.Facts(); len(facts) > 0 {
			told = append(told, stageFacts{Pipeline: pl.name, Stage: c.Stages[i].Type, Facts: facts})
		}
	}
	return told
}

func (r *runner) writeResult() error {
	res := &r.result
	res.Images, res.Rows, res.Bad = r.tally.images, r.tally.rows, int64(len(r.tally.unusable))
	res.OverBudget = r.tally.overBudget(r.plan.config.MaxBadFraction)
	text, err := config.Effective(r.plan.config)
	if err != nil {
		return err
	}
	published, err := r.folder.finish(text, r.runFile(), func(path string) error {
		return parquetio.WriteScores(path, res.Scores, r.info.Metadata)
	})
	res.Kept = err == nil && !published
	if err != nil {
		return fmt.Errorf("result folder %s: %w", r.folder.path, err)
	}
	return nil
}

func (r *runner) runFile() runFile {
	res := r.result
	f := runFile{
		Version: Version, ConfigHash: config.Hash(r.plan.config), Status: res.status(), Started: r.began.UTC(),
		ElapsedS: res.Elapsed.Seconds(), FirstRecord: res.FirstRecord.Seconds(),
		Images: res.Images, ImagesPerS: float64(res.Images-res.Resumed.Images) / res.Elapsed.Seconds(), Resumed: res.Resumed,
		Predictions: res.Rows, Bad: res.Bad, Warnings: r.tally.warnings,
		OverBudget: list(res.OverBudget), LeftOut: list(r.plan.left), Failed: list(res.Failed), Problems: list(res.Problems),
		CPU: res.CPU, Workers: r.workers(), Provenance: r.info.Metadata, Stages: r.stages,
	}
	for _, m := range r.info.Models {
		f.Models = append(f.Models, modelFacts{Name: m.Name, Facts: m.Info.Facts})
	}
	return f
}

func (res Result) status() string {
	switch {
	case res.Interrupted:
		return statusInterrupted
	case len(res.Failed) > 0 || len(res.OverBudget) > 0 || len(res.Problems) > 0:
		return statusIncomplete
	}
	return statusComplete
}
