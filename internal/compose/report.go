package compose

import (
	"errors"
	"slices"

	"quba/pipeline"
)

// Note is the caveat of all that is composed.
const Note = "composed from images of your own, not the published ImageNet-9: numbers can be compared with each other and not with those of the challenge"

// Report says what the images are made of; it is ReportFile.
type Report struct {
	ComposedBy string `json:"composed_by"`
	Note       string `json:"note"`
	Seed       uint64 `json:"seed"`
	// Foregrounds says in a word where they come from, and Facts identify them.
	Foregrounds string          `json:"foregrounds"`
	Facts       []pipeline.Fact `json:"facts"`
	// Images is the hex SHA-256 of the data set's listing.
	Images   string       `json:"images"`
	Limits   Limits       `json:"limits"`
	Variants []string     `json:"variants"`
	Counts   Counts       `json:"counts"`
	Classes  []ClassCount `json:"classes"`
}

// Limits are those of foregrounds; see the constants of their names.
type Limits struct {
	MinForeground float64 `json:"min_foreground"`
	MaxBox        float64 `json:"max_box"`
	MinFill       float64 `json:"min_fill"`
	MinKept       float64 `json:"min_kept"`
}

// Counts are numbers of images.
type Counts struct {
	// Outside are of classes that ImageNet-9 does not have; the other numbers
	// are of its classes alone.
	Outside  int `json:"outside"`
	Images   int `json:"images"`
	Composed int `json:"composed"`
	// What was left out: files that are no images, foregrounds that are missing
	// or beyond the limits, images alone in their class, images whose files
	// would have the name of another's.
	Unreadable   int `json:"unreadable"`
	NoForeground int `json:"no_foreground"`
	NoPartner    int `json:"no_partner"`
	NoName       int `json:"no_name"`
}

// LeftOut is how many images of the nine classes are in no variant.
func (c Counts) LeftOut() int { return c.Images - c.Composed }

// ClassCount is that of one class.
type ClassCount struct {
	Class    string `json:"class"`
	Images   int    `json:"images"`
	Composed int    `json:"composed"`
}

var variants = []string{MixedSame, MixedRand, OnlyFG, NoFG, OnlyBGT}

// describe is the report before anything is counted.
func (c *composer) describe(images pipeline.SourceInfo) Report {
	return Report{
		ComposedBy: "pipeline " + pipeline.Version, Note: Note, Seed: c.Seed,
		Foregrounds: c.From, Facts: append([]pipeline.Fact{}, c.Facts...), Images: images.Digest,
		Limits:   Limits{MinForeground: MinForeground, MaxBox: MaxBox, MinFill: MinFill, MinKept: MinKept},
		Variants: variants,
	}
}

// count counts what became of the images.
func (c *composer) count() {
	r := &c.report
	for _, class := range ClassFolders() {
		r.Classes = append(r.Classes, ClassCount{Class: class})
	}
	of := map[outcome]*int{
		composed: &r.Counts.Composed, unreadable: &r.Counts.Unreadable, noForeground: &r.Counts.NoForeground,
		noPartner: &r.Counts.NoPartner, noName: &r.Counts.NoName,
	}
	for _, m := range c.images {
		r.Counts.Images++
		r.Classes[m.class].Images++
		*of[m.outcome]++
		if m.outcome == composed {
			r.Classes[m.class].Composed++
		}
	}
}

// publish writes what is said about the images and puts all in its place.
func (c *composer) publish() error {
	c.count()
	if err := errors.Join(
		c.folder.writeCSV(ManifestFile, c.manifest()),
		c.folder.writeCSV(LeftOutFile, c.leftOut()),
		c.folder.writeJSON(ReportFile, c.report),
	); err != nil {
		return err
	}
	return c.folder.replace()
}

// manifest has a row for each file, in the order of their paths. IDs are those
// of the data set; what a variant does not have is empty.
func (c *composer) manifest() [][]string {
	var rows [][]string
	for _, m := range c.composed() {
		class, id := ClassFolders()[m.class], m.sample.ID
		row := func(variant, foreground string, background *image9) {
			row := []string{filePath(variant, m), class, foreground, "", ""}
			if background != nil {
				row[3], row[4] = background.sample.ID, ClassFolders()[background.class]
			}
			rows = append(rows, row)
		}
		row(MixedSame, id, m.same)
		row(MixedRand, id, m.rand)
		row(OnlyFG, id, nil)
		row(NoFG, "", m)
		row(OnlyBGT, "", m)
	}
	slices.SortFunc(rows, slices.Compare)
	return append([][]string{{"file", "class", "foreground", "background", "background_class"}}, rows...)
}

func (c *composer) leftOut() [][]string {
	rows := [][]string{{"image", "class", "reason"}}
	for _, m := range c.images {
		if m.leftOut() {
			rows = append(rows, []string{m.sample.ID, ClassFolders()[m.class], m.reason.Error()})
		}
	}
	return rows
}
