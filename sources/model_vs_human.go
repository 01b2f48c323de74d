package sources

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"quba/internal/imagenet"
	"quba/pipeline"
	"quba/pipeline/record"
	"quba/pipeline/registry"
)

func init() {
	registry.Register(Sources, "model_vs_human", "The 16-category sets of model-vs-human: cue-conflict, edge, silhouette, sketch, stylized.",
		modelVsHumanConfig{}, newModelVsHuman)
}

type modelVsHumanConfig struct {
	Root string `koanf:"root" jsonschema:"required" path:"dir" env:"true" jsonschema_description:"Folder that holds the category folders or the session folders of the set, or a folder of the sets."`
	Set  string `koanf:"set" jsonschema:"required,enum=cue-conflict,enum=edge,enum=silhouette,enum=sketch,enum=stylized" jsonschema_description:"Which of the sets. cue-conflict: the label is the shape, the cue is the texture."`
}

// Layout shows both ways in which the sets are published.
func (modelVsHumanConfig) Layout() string {
	return `root                                     the set, or a folder that has it: edge, dnn, ...
├── airplane                             cue-conflict, edge, silhouette: one of 16 categories
│   ├── airplane1-bicycle2.png           cue-conflict: airplane is the shape, bicycle the texture
│   └── ...
└── ...
or
root
└── dnn                                  may be left out
    ├── session-1                        sketch, stylized; also the others
    │   ├── 0001_ske_dnn_0_airplane_00_n02690373_1010.png      the category is the fifth part
    │   └── ...
    └── ...`
}

// humanSet is one of the sets.
type humanSet struct {
	category string // path of a file in a category folder; "" for sets without those
	session  string // name of a file in a session folder
	folder   string // name of its folder in texture-vs-shape, "." for none
}

var humanSets = map[string]humanSet{
	"cue-conflict": {"airplane/airplane1-bicycle2.png", "0001_s5n_dnn_0_airplane_00_airplane1-bicycle2.png", "style-transfer-preprocessed-512"},
	"edge":         {"airplane/airplane1.png", "0001_edg_dnn_0_airplane_00_airplane1.png", "edges"},
	"silhouette":   {"airplane/airplane1.png", "0001_sif_dnn_0_airplane_00_airplane1.png", "filled-silhouettes"},
	"sketch":       {"", "0001_ske_dnn_0_airplane_00_n02690373_1010.png", "."},
	"stylized":     {"", "0001_sty_dnn_0_airplane_00_n02690373_1010.png", "."},
}

const (
	cueConflict   = "cue-conflict"
	dnnFolder     = "dnn" // what networks see, beside what people saw
	sessionPrefix = "session-"
)

// modelVsHuman finds one of the sets of Geirhos et al. (2021), "Partial success
// in closing the gap between human and machine vision".
type modelVsHuman struct {
	name     string
	set      humanSet
	decision *record.Decision
	layout   layout
}

func newModelVsHuman(c modelVsHumanConfig) (pipeline.Source, error) {
	set, ok := humanSets[c.Set]
	if !ok {
		return nil, &registry.FieldError{Field: "set", Err: registry.Unknown("set", c.Set, slices.Sorted(maps.Keys(humanSets)))}
	}
	// The authors' shape bias takes the last of equal categories.
	ties := record.First
	if c.Set == cueConflict {
		ties = record.Last
	}
	example := set.category
	if example == "" {
		example = path.Join(dnnFolder, "session-1", set.session)
	}
	m := &modelVsHuman{name: c.Set, set: set, decision: imagenet.Categories16(ties), layout: layout{example: example}}
	return newFolderSource(c.Root, m.find), nil
}

// find looks for the set in the folders of its names, then in the root.
func (m *modelVsHuman) find(root *os.Root) (*classFolders, error) {
	for _, base := range []string{m.name, m.set.folder, "."} {
		found, err := hasFolder(root, base)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		folders, err := m.foldersIn(root, base)
		if err != nil || folders != nil {
			return folders, err
		}
	}
	return nil, m.layout.fault(root, "%s", contents(root, "."))
}

// foldersIn finds the set in base; it gives nil where nothing looks like it.
func (m *modelVsHuman) foldersIn(root *os.Root, base string) (*classFolders, error) {
	names, err := foldersIn(root, base)
	if err != nil {
		return nil, err
	}
	switch {
	case slices.Contains(names, dnnFolder):
		return m.foldersIn(root, path.Join(base, dnnFolder))
	case slices.ContainsFunc(names, isSession):
		return m.sessions(root, base, names)
	case m.set.category != "" && slices.ContainsFunc(names, m.isCategory):
		return m.categories(root, base, names)
	}
	return nil, nil
}

func isSession(folder string) bool { return strings.HasPrefix(folder, sessionPrefix) }

func (m *modelVsHuman) isCategory(name string) bool { return m.label(name) != record.NoClass }

// label is the index of a category, or record.NoClass.
func (m *modelVsHuman) label(category string) int32 {
	return int32(slices.Index(m.decision.Classes, category)) // -1 is record.NoClass
}

// sessions are folders whose files are named by their categories.
func (m *modelVsHuman) sessions(root *os.Root, base string, names []string) (*classFolders, error) {
	if strange := without(names, isSession); len(strange) > 0 {
		return nil, m.layout.fault(root, "%s%s beside folders of sessions", shownFolders(strange), in(base))
	}
	category := func(f imageFile) string {
		parts := strings.Split(path.Base(f.path), "_")
		if len(parts) < 5 {
			return ""
		}
		return parts[4]
	}
	l := layout{example: path.Join(base, "session-1", m.set.session)}
	return m.folders(root, base, names, category, l), nil
}

// categories are folders that are named by their categories.
func (m *modelVsHuman) categories(root *os.Root, base string, names []string) (*classFolders, error) {
	if strange := without(names, m.isCategory); len(strange) > 0 {
		return nil, m.layout.fault(root, "%s%s, not named by one of the 16 categories", shownFolders(strange), in(base))
	}
	category := func(f imageFile) string {
		folder, _, _ := strings.Cut(f.id, "/")
		return folder
	}
	l := layout{example: path.Join(base, m.set.category)}
	return m.folders(root, base, names, category, l), nil
}

func without(names []string, wanted func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(names), wanted)
}

// folders label the files by the category of each.
func (m *modelVsHuman) folders(root *os.Root, base string, names []string, category func(imageFile) string, l layout) *classFolders {
	byName := func(f imageFile) (label, cue int32, err error) {
		if label = m.label(category(f)); label == record.NoClass {
			return label, record.NoClass, l.fault(root, "%s, whose name has no category as the fifth part", f.path)
		}
		if m.name != cueConflict {
			return label, record.NoClass, nil
		}
		if cue = m.label(textureOf(path.Base(f.path))); cue == record.NoClass {
			return label, cue, l.fault(root, "%s, whose name does not end in a texture of the 16 categories", f.path)
		}
		return label, cue, nil
	}
	return &classFolders{base: base, names: names, byName: byName, classes: len(m.decision.Classes), decision: m.decision}
}

// textureOf is the texture that a file of cue-conflict is named by: for
// airplane1-bicycle2.png, bicycle.
func textureOf(file string) string {
	file = file[strings.LastIndexByte(file, '_')+1:]
	file, _, _ = strings.Cut(file, ".")
	file = file[strings.LastIndexByte(file, '-')+1:]
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, file)
}
