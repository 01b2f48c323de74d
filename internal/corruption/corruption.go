// Package corruption has the 19 corruptions of ImageNet-C (Hendrycks and
// Dietterich, ICLR 2019), for images of any size, equal to the reference code
// to the last grey level or nearly so. Every corruption is one file that
// registers itself.
package corruption

import (
	"fmt"
	"slices"

	"quba/internal/imaging"
	"quba/pipeline/registry"
)

// Severities are 1 (weakest) to MaxSeverity.
const MaxSeverity = 5

// Variant chooses between two reference code bases where they differ.
type Variant uint8

const (
	// ImageNetC is the code that made the published benchmark, generalised to
	// any height and width; at 224x224 they are the same.
	ImageNetC Variant = iota
	// ImageCorruptions is the fork of the Python package imagecorruptions.
	ImageCorruptions
)

// Options are what a corruption needs beyond the image.
type Options struct {
	Variant Variant
	// Frost are the textures frost1 to frost5; nil makes procedural ones.
	Frost *FrostTextures
}

// Func corrupts src into dst, which has the same size and other pixels. It
// never writes to src. severity is 1..MaxSeverity. An error says why an image
// cannot be corrupted (it is too small); dst is then undefined.
type Func func(dst, src *imaging.Image, severity int, d Draws, o Options) error

// Corruption is one of the 19.
type Corruption struct {
	Name string
	// Extra marks the four that are no part of the benchmark's 15.
	Extra bool
	// Order is the position in the benchmark's list, from 0, extras last.
	Order int
	Apply Func
}

var all = map[string]Corruption{}

// register adds a corruption; each file calls it from init.
func register(c Corruption) {
	if _, taken := all[c.Name]; taken {
		panic("corruption: " + c.Name + " is registered twice")
	}
	all[c.Name] = c
}

// All returns the corruptions in the benchmark's order, extras last.
func All() []Corruption {
	list := make([]Corruption, 0, len(all))
	for _, c := range all {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Corruption) int { return a.Order - b.Order })
	return list
}

// Names returns the names in the order of All.
func Names() []string {
	var names []string
	for _, c := range All() {
		names = append(names, c.Name)
	}
	return names
}

// Sets of corruptions that Select takes beside their names.
const (
	SetBenchmark = "imagenet-c" // the benchmark's 15
	SetExtra     = "extra"      // the other 4
	SetAll       = "all"
)

// CheckSelection reports a name that is neither a corruption's nor a set's.
func CheckSelection(name string) error {
	known := append([]string{SetBenchmark, SetExtra, SetAll}, Names()...)
	if !slices.Contains(known, name) {
		return registry.Unknown("corruption", name, known)
	}
	return nil
}

// Select returns the corruptions that names has or that are of its sets, each
// once, in the order of All.
func Select(names []string) []Corruption {
	return slices.DeleteFunc(All(), func(c Corruption) bool {
		set := SetBenchmark
		if c.Extra {
			set = SetExtra
		}
		return !slices.Contains(names, c.Name) && !slices.Contains(names, set) && !slices.Contains(names, SetAll)
	})
}

// Corrupt returns a corrupted copy of src.
func (c Corruption) Corrupt(src *imaging.Image, severity int, d Draws, o Options) (*imaging.Image, error) {
	if severity < 1 || severity > MaxSeverity {
		return nil, fmt.Errorf("severity must be 1..%d, got %d", MaxSeverity, severity)
	}
	dst := imaging.New(src.W, src.H)
	if err := c.Apply(dst, src, severity, d, o); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return dst, nil
}
