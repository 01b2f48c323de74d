package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"quba/internal/imaging"
	"quba/pipeline/record"
)

// item is a sample ready for one model: its image is the model's input size.
type item struct {
	pipeline int // position in the config
	model    int
	sample   Sample
	// private says that nobody else holds the sample's image.
	private bool
}

// prepared is what became of one sample of the source.
type prepared struct {
	at       int64 // position in the pass
	items    []item
	bad      []BadSample
	warnings []BadSample // used all the same
}

// BadSample is a sample that could not be used, or only with a warning.
type BadSample struct {
	Pipelines []string `json:"pipelines"`
	ID        string   `json:"id"`
	Path      string   `json:"path"`
	Reason    string   `json:"reason"`
}

// preparer turns a source's sample into the inputs of all models of all
// pipelines that share the pass. It is safe for concurrent use.
type preparer struct {
	pass   *pass
	models []openModel
	done   passDone
	limits imaging.Options
	seed   uint64
	// recrop is the way of the authors' code: what is whole goes through the
	// model's own resize and crop all the same.
	recrop bool
	clock  *clock
	rooms  rooms
}

// Prepare never fails for one sample alone: what cannot be used is in bad.
func (p *preparer) Prepare(ctx context.Context, n numbered) ([]prepared, error) {
	s := n.sample
	s.Seed = p.seed
	read := s
	room := p.rooms.take()
	defer p.rooms.giveBack(room)
	image, warning, err := p.decode(s, room)
	if MachineFault(err) {
		return nil, fmt.Errorf("%s: %w", s.Path, err)
	}
	if err != nil {
		return []prepared{{at: n.at, bad: []BadSample{p.note(s, err.Error())}}}, nil
	}
	s = s.With(image, s.Variant)
	out := prepared{at: n.at}
	defer func() {
		if !p.held(read, image, out.items) {
			room.pixels = image.Pix
		}
	}()
	if warning != "" {
		out.warnings = []BadSample{p.note(s, warning)}
	}
	for i := range p.pass.pipelines {
		pl := &p.pass.pipelines[i]
		if p.done.of(pl, p.models) > n.at {
			continue
		}
		if err := p.prepareFor(ctx, pl, s, &out); err != nil {
			return nil, err
		}
	}
	return []prepared{out}, nil
}

// held says whether somebody may use the pixels of a decoded image from now
// on: its source, a stage that has seen them, or a model that takes them as
// they are.
func (p *preparer) held(read Sample, image *Image, items []item) bool {
	return read.Image == image ||
		slices.ContainsFunc(p.pass.pipelines, func(pl planPipeline) bool { return len(pl.stages) > 0 }) ||
		slices.ContainsFunc(items, func(it item) bool { return it.sample.Image == image })
}

// decode gives the pixels, and a warning where a file is damaged in a way
// that Pillow forgives.
func (p *preparer) decode(s Sample, room *room) (image *Image, warning string, err error) {
	if s.Image != nil {
		return s.Image, "", nil
	}
	stop := timed(&p.clock.read)
	err = s.Read(&room.file)
	stop()
	if err != nil {
		return nil, "", err
	}
	defer timed(&p.clock.decode)()
	limits := p.limits
	limits.Memory, room.pixels = room.pixels, nil
	image, info, err := imaging.Decode(room.file.Bytes(), limits)
	return image, info.Warning, err
}

// room is memory that one image after the other is read and decoded in.
type room struct {
	file   bytes.Buffer
	pixels []byte
}

// rooms are those that nobody uses.
type rooms chan *room

// roomBytes is the size of a file, or of its pixels, above which the memory is
// not kept.
const roomBytes = 32 << 20

func (r rooms) take() *room {
	select {
	case free := <-r:
		return free
	default:
		return &room{}
	}
}

func (r rooms) giveBack(used *room) {
	used.file.Reset()
	if used.file.Cap() > roomBytes {
		used.file = bytes.Buffer{}
	}
	if cap(used.pixels) > roomBytes {
		used.pixels = nil
	}
	select {
	case r <- used:
	default:
	}
}

// note is a record about the sample for all pipelines of the pass.
func (p *preparer) note(s Sample, reason string) BadSample {
	return BadSample{Pipelines: p.pass.names(), ID: s.ID, Path: s.Path, Reason: reason}
}

func (p *preparer) prepareFor(ctx context.Context, pl *planPipeline, s Sample, out *prepared) error {
	s.Pipeline = pl.name
	stop := timed(&p.clock.stages)
	plain, attacks := pl.split()
	variants, err := applyStages(ctx, plain, []Sample{s})
	stop()
	if errors.Is(err, ErrUnusable) {
		out.bad = append(out.bad, BadSample{Pipelines: []string{pl.name}, ID: s.ID, Path: s.Path, Reason: err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	for _, v := range variants {
		if len(attacks) > 0 && v.Label == record.NoClass {
			out.bad = append(out.bad, BadSample{Pipelines: []string{pl.name}, ID: v.ID, Path: v.Path, Reason: "has no label, and an attack must know the true class"})
			continue
		}
		if err := p.crop(pl, v, out); err != nil {
			out.bad = append(out.bad, BadSample{Pipelines: []string{pl.name}, ID: v.ID, Path: v.Path, Reason: err.Error()})
		}
	}
	return nil
}

// applyStages sends samples through the stages, in order.
func applyStages(ctx context.Context, stages []planStage, samples []Sample) ([]Sample, error) {
	for _, st := range stages {
		var next []Sample
		for _, s := range samples {
			results, err := st.apply(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", st.name, err)
			}
			next = append(next, results...)
		}
		samples = next
	}
	return samples, nil
}

func (st planStage) apply(ctx context.Context, s Sample) (results []Sample, err error) {
	err = safely(s.ID, func() (err error) {
		results, err = st.stage.Apply(ctx, s)
		return err
	})
	return results, err
}

// crop adds the sample to out for every model, with each distinct
// preprocessing done once.
func (p *preparer) crop(pl *planPipeline, s Sample, out *prepared) error {
	defer timed(&p.clock.transform)()
	type done struct {
		t     Transform
		image *Image
		item  int // the first that it was made for
	}
	var crops []done
	first := len(out.items)
	add := func(m int, image *Image, private bool) {
		input := s.With(image, s.Variant)
		input.Model = p.models[m].name
		out.items = append(out.items, item{pipeline: pl.order, model: m, sample: input, private: private})
	}
next:
	for _, m := range pl.models {
		model := &p.models[m]
		if model.failed() {
			continue
		}
		t := model.info.Transform
		if s.Whole && !p.recrop {
			t = wholeTransform(t, s.Image)
		}
		for _, c := range crops {
			if c.t == t {
				out.items[c.item].private = false
				add(m, c.image, false)
				continue next
			}
		}
		image, err := t.Apply(s.Image)
		if err != nil {
			out.items = out.items[:first]
			return fmt.Errorf("preprocessing for %s: %w", model.name, err)
		}
		crops = append(crops, done{t, image, len(out.items)})
		add(m, image, image != s.Image)
	}
	return nil
}

// wholeTransform resizes the whole image to the size that t gives.
func wholeTransform(t Transform, image *Image) Transform {
	w, h := t.OutputSize(image.W, image.H)
	return Transform{Mode: imaging.ResizeExact, ResizeW: w, ResizeH: h, Filter: t.Filter}
}
