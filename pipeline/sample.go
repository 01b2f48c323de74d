// Package pipeline is the engine: the contracts of the components, the plan
// compiled from a config, and its run.
package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"quba/internal/imaging"
	"quba/pipeline/record"
)

// Image is an 8-bit RGB picture; see its methods for the layout.
type Image = imaging.Image

// Transform is the geometric half of a model's preprocessing.
type Transform = imaging.Transform

// Sample is one image on its way through a pipeline. It is immutable: a stage
// returns new pixels or passes the old ones on.
type Sample struct {
	// Seq is the position in the source, from 0; unreadable samples count.
	Seq uint64
	// ID names the sample in its source, the same on every machine and in
	// every order: a relative path with slashes, a key in an archive.
	ID string
	// Path is where a person finds the file; it is for messages only.
	Path string
	// Label is the true class and Cue the second class of a cue-conflict
	// image; record.NoClass where there is none.
	Label, Cue int32
	// CueID names the image that a stage took Cue from, as ID names the sample:
	// its slash path in a folder of styles. "" where no stage did.
	CueID string
	// Decision says of what Label and Cue are indexes, and how a classifier's
	// output becomes a decision among them; nil for the classifier's own
	// classes.
	Decision *record.Decision
	// Pipeline and Model are the names of the pipeline that the sample runs in
	// and, in a batch, of the model that it is for; the engine sets them.
	Pipeline, Model string
	// Seed is the run's seed. Stages do not use it as it is: see Rand.
	Seed    uint64
	Variant Variant
	// Whole says that the whole image is what a model shall see: it is resized
	// to the model's input where the size differs, and never cropped.
	Whole bool
	// Image holds the pixels; nil before Read.
	Image *Image
	// Exact is what a model is given in the place of Image, which is then its
	// rounded form; nil for images on the 8-bit grid.
	Exact *Exact
	// Attacked says how an adversarial sample was made; nil for others.
	Attacked *record.Attack
	// Read appends the encoded file to a buffer; the engine calls it once, in
	// parallel with others, decodes what it gives and uses the buffer again. A
	// source that already has the pixels sets Image and leaves Read nil.
	Read func(into *bytes.Buffer) error
}

// Exact is an image with values between those of 8 bits: three planes, red,
// green and blue, of H rows of W values, where 0 is black and 1 white.
type Exact struct {
	W, H int
	Pix  []float32
}

// Variant says what stages did to a sample.
type Variant struct {
	// Perturbation names the stages that changed the image, in order, joined
	// by "+"; "" for the clean image. A severity that is not the last one
	// stands behind what it is of: "fog-3+patch_shuffle".
	Perturbation string
	// Severity is that of the last stage that has one.
	Severity int32
}

// Then is the variant after one more perturbation. A severity of 0 keeps the
// one before; another takes its place, and the one before becomes part of the
// name, so that images that went through different ones stay apart.
func (v Variant) Then(perturbation string, severity int32) Variant {
	before := v.Perturbation
	switch {
	case severity == 0:
		severity = v.Severity
	case v.Severity != 0:
		before = fmt.Sprintf("%s-%d", before, v.Severity)
	}
	if before != "" {
		perturbation = before + "+" + perturbation
	}
	return Variant{Perturbation: perturbation, Severity: severity}
}

// With returns the sample with new pixels and the variant they stand for.
func (s Sample) With(image *Image, v Variant) Sample {
	s.Image, s.Variant, s.Read, s.Exact, s.Attacked = image, v, nil, nil, nil
	return s
}

// Rand returns the random numbers of one purpose for this sample: a function
// of the run's seed, the sample's ID, its variant and the purpose, so that
// results do not depend on workers, order, shards or the subset that is run.
func (s Sample) Rand(purpose string) *rand.Rand {
	h := sha256.New()
	var word [8]byte
	for _, n := range []uint64{s.Seed, uint64(s.Variant.Severity)} {
		binary.LittleEndian.PutUint64(word[:], n)
		h.Write(word[:])
	}
	for _, text := range []string{s.ID, s.Variant.Perturbation, purpose} {
		binary.LittleEndian.PutUint64(word[:], uint64(len(text)))
		h.Write(word[:])
		h.Write([]byte(text))
	}
	sum := h.Sum(nil)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])))
}

// Row is what a record says of the sample.
func (s Sample) Row() record.Row {
	return record.Row{
		Model: s.Model, Pipeline: s.Pipeline,
		Perturbation: s.Variant.Perturbation, Severity: s.Variant.Severity,
		Seq: s.Seq, ID: s.ID, Label: s.Label, Cue: s.Cue, Decision: s.Decision, Attack: s.Attacked,
	}
}
