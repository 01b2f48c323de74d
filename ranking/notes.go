package ranking

import (
	"slices"
	"strings"
)

// reasonUnknown stands for a dimension that says it is partial but not why.
const reasonUnknown = "made without some of its parts"

// caveat is a reason that a model gives for some of its dimensions.
type caveat struct {
	dimensions []string
	reason     string
}

// Caveats lists what must be shown with the value.
func (v Value) Caveats() []string {
	switch {
	case v.Note != "":
		return strings.Split(v.Note, "; ")
	case v.Partial:
		return []string{reasonUnknown}
	}
	return nil
}

// caveats lists the notes of the model's values. A reason that several
// dimensions give is said once, with all of them.
func (m Model) caveats() []caveat {
	var all []caveat
	for _, name := range columnsOf(m.Values) {
		// Where the number of parameters comes from is no caveat; it stays in
		// the JSON document.
		if name == "parameters" {
			continue
		}
		for _, reason := range m.Values[name].Caveats() {
			at := slices.IndexFunc(all, func(c caveat) bool { return c.reason == reason })
			if at < 0 {
				at = len(all)
				all = append(all, caveat{reason: reason})
			}
			all[at].dimensions = append(all[at].dimensions, name)
		}
	}
	return all
}

// Caveats lists the notes of all values, each with its dimensions and its
// models. Models that say the same share a line, without their names when it
// is true of all.
func Caveats(of []Model) []string {
	var lines []string
	models := map[string][]string{}
	for _, m := range of {
		for _, c := range m.caveats() {
			line := strings.Join(c.dimensions, ", ") + ": " + c.reason
			if models[line] == nil {
				lines = append(lines, line)
			}
			models[line] = append(models[line], m.Name)
		}
	}
	for i, line := range lines {
		if len(models[line]) < len(of) || len(of) == 1 {
			lines[i] = strings.Join(models[line], ", ") + ": " + line
		}
	}
	return lines
}
