package uncertainty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"quba/internal/parquetio"
	"quba/metrics"
	"quba/pipeline/record"
	"quba/ranking"
)

// sample is what the scores were made from, ready to be weighted.
type sample struct {
	sets     []*images
	bySet    map[string]*images
	subjects []subject
}

// subject is a score of a model, with what its draws are made from.
type subject struct {
	model     int // place in the ranking
	source    string
	dimension string
	stored    float64

	metric  string
	folder  string
	on      map[string]string // role -> pipeline
	columns []string
	// statistic is nil where the score has no draws; reason says why, "" for a
	// score that does not depend on images.
	statistic statistic
	reason    string

	draws, jackknife []float64
}

// newSample lists the scores of the models and makes their statistics.
func newSample(models []ranking.Ranked) (*sample, error) {
	s := &sample{bySet: map[string]*images{}}
	specs := map[string][]record.MetricSpec{}
	for i, m := range models {
		for _, dimension := range m.Dimensions() {
			v := m.Values[dimension]
			folder := v.Origin.Source
			if _, known := specs[folder]; !known {
				var err error
				if specs[folder], err = specsOf(folder); err != nil {
					return nil, err
				}
			}
			sub := subject{model: i, source: m.Name, dimension: dimension, stored: v.Value, folder: folder}
			sub.prepare(v, specs[folder])
			s.subjects = append(s.subjects, sub)
		}
	}
	return s, nil
}

// specsOf reads how the scores of a result folder were made; of what is no
// folder nothing is known.
func specsOf(folder string) ([]record.MetricSpec, error) {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, nil
	}
	metadata, err := parquetio.Metadata(filepath.Join(folder, record.ScoresFile))
	if err != nil {
		return nil, err
	}
	text, ok := metadata[record.MetaMetrics]
	if !ok {
		return nil, nil
	}
	var specs []record.MetricSpec
	if err := json.Unmarshal([]byte(text), &specs); err != nil {
		return nil, fmt.Errorf("%s: metadata %s: %w", folder, record.MetaMetrics, err)
	}
	return specs, nil
}

// noPredictions is why a score without predictions has no draws.
const noPredictions = "there are no stored predictions of it"

// prepare makes the statistic of the score, or says why there is none.
func (s *subject) prepare(v ranking.Value, specs []record.MetricSpec) {
	at := slices.IndexFunc(specs, func(m record.MetricSpec) bool { return m.Dimension == s.dimension })
	if at < 0 {
		s.reason = noPredictions
		return
	}
	s.metric = specs[at].Metric
	s.on = specs[at].On
	if s.metric == "parameters" {
		return
	}
	k, known := kinds[s.metric]
	if !known {
		s.reason = fmt.Sprintf("the metric %s cannot be drawn", s.metric)
		return
	}
	entry, err := metrics.Registry.Lookup(s.metric)
	if err != nil {
		s.reason = err.Error()
		return
	}
	spec, err := entry.New(nil)
	if err != nil {
		s.reason = err.Error()
		return
	}
	s.columns = k.columns
	if s.statistic, err = k.make(request{spec: specs[at], roles: spec.Roles, value: v}); err != nil {
		s.fail(err)
	}
}

// fail gives up on the draws of a score. The other scores go on.
func (s *subject) fail(reason error) {
	s.statistic, s.reason = nil, reason.Error()
}

func (s *subject) observe(role string, r rows, i int, of image) {
	if s.statistic == nil {
		return
	}
	if err := s.statistic.observe(role, r, i, of); err != nil {
		s.fail(err)
	}
}

func (s *subject) complete() {
	if c, ok := s.statistic.(completer); ok {
		if err := c.complete(); err != nil {
			s.fail(err)
		}
	}
}

// What the name of a data set begins with.
const (
	digestKnown   = "sha256:"
	digestUnknown = "pipeline:"
)

// imagesOf finds the data set with a digest. Without one the pipelines of one
// name are taken to read one data set.
func (s *sample) imagesOf(digest, pipeline string) *images {
	key := digestKnown + digest
	if digest == "" {
		key = digestUnknown + pipeline
	}
	set, ok := s.bySet[key]
	if !ok {
		set = newImages(len(s.sets), key)
		s.sets = append(s.sets, set)
		s.bySet[key] = set
	}
	return set
}

// arrange ends the reading.
func (s *sample) arrange() {
	for _, set := range s.sets {
		set.rank()
	}
	for i := range s.subjects {
		if r, ok := s.subjects[i].statistic.(ranker); ok {
			r.arrange()
		}
	}
}

// agreement is how near the statistic of the sample must be to the stored score.
const agreement = 1e-9

// check gives up on scores that the stored predictions do not give.
func (s *sample) check() {
	d := newDraw(s.sets)
	d.once()
	for i := range s.subjects {
		sub := &s.subjects[i]
		if sub.statistic == nil {
			continue
		}
		value, ok := sub.statistic.value(d)
		switch {
		case !ok:
			sub.fail(errors.New(noPredictions))
		case !(math.Abs(value-sub.stored) <= agreement*max(1, math.Abs(sub.stored))):
			sub.fail(fmt.Errorf("the stored predictions give %v, the stored score is %v: one of the two is of another run or version; run again", value, sub.stored))
		}
	}
}

// resample makes the draws of the bootstrap and of the grouped jackknife. The
// outcome does not depend on the number of workers.
func (s *sample) resample(ctx context.Context, o Options, groups int) error {
	for i := range s.subjects {
		sub := &s.subjects[i]
		if sub.statistic != nil {
			sub.draws, sub.jackknife = make([]float64, o.Draws), make([]float64, groups)
		}
	}
	streams := streamsOf(s.sets, o.Seed)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), o.Draws+groups) {
		workers.Go(func() {
			d := newDraw(s.sets)
			for b := int(next.Add(1)) - 1; b < o.Draws+groups && ctx.Err() == nil; b = int(next.Add(1)) - 1 {
				if b < o.Draws {
					d.poisson(streams, b)
					s.evaluate(d, func(sub *subject, value float64) { sub.draws[b] = value })
					continue
				}
				group := b - o.Draws
				d.leaveOut(s.sets, group, groups)
				s.evaluate(d, func(sub *subject, value float64) { sub.jackknife[group] = value })
			}
		})
	}
	workers.Wait()
	return ctx.Err()
}

// evaluate gives the value of every score under a draw, NaN where it is not
// defined.
func (s *sample) evaluate(d draw, set func(*subject, float64)) {
	for i := range s.subjects {
		sub := &s.subjects[i]
		if sub.statistic == nil {
			continue
		}
		value, ok := sub.statistic.value(d)
		if !ok {
			value = math.NaN()
		}
		set(sub, value)
	}
}

// largestSet is the number of images of the largest data set.
func (s *sample) largestSet() int {
	n := 0
	for _, set := range s.sets {
		n = max(n, set.len())
	}
	return n
}
