package ranking_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quba/ranking"
)

// TestBoundsHoldTheFullScore: a published row without damage that loses
// dimensions has bounds around its score.
func TestBoundsHoldTheFullScore(t *testing.T) {
	full := rank(t, ranking.Published(), ranking.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		m := full.Models[rapid.IntRange(0, len(full.Models)-1).Draw(rt, "row")]
		lost := rapid.SliceOfNDistinct(rapid.SampledFrom(ranking.Dimensions()), 1, 8, func(d ranking.Dimension) string { return d.Name }).Draw(rt, "lost")
		partial := m.Model
		for _, d := range lost {
			partial = without(partial, d.Name)
		}
		r, err := ranking.QUBA(ranking.Cohort{Models: []ranking.Model{partial}}, ranking.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		b := r.Models[0].Bounds
		if b == nil || b.Low >= b.High {
			rt.Fatalf("got bounds %v of %+v", b, partial)
		}
		if len(ranking.DamageOf(m.Model)) == 0 && (m.QUBA < b.Low-1e-9 || m.QUBA > b.High+1e-9) {
			rt.Fatalf("%s: %v is not in %v", m.Name, m.QUBA, *b)
		}
	})
}

// TestBoundsAreReached by the published rows themselves: the extremes of one
// dimension are those of some row.
func TestBoundsAreReached(t *testing.T) {
	const lost = "shape_bias"
	m := ranking.Published().Models[0]
	b := rank(t, ranking.Cohort{Models: []ranking.Model{without(m, lost)}}, ranking.Options{}).Models[0].Bounds
	low, high := math.Inf(1), math.Inf(-1)
	for _, row := range ranking.Published().Models {
		if len(ranking.DamageOf(row)) > 0 {
			continue
		}
		donated := without(m, lost)
		donated.Values[lost] = row.Values[lost]
		score := rank(t, ranking.Cohort{Models: []ranking.Model{donated}}, ranking.Options{}).Models[0].QUBA
		low, high = min(low, score), max(high, score)
	}
	if math.Abs(b.Low-low) > 1e-12 || math.Abs(b.High-high) > 1e-12 {
		t.Errorf("got %v, the rows give %v to %v", *b, low, high)
	}
}

func TestBoundsNote(t *testing.T) {
	c := ranking.Cohort{Models: ranking.Published().Models[:1]}
	if note := boundsNote(rank(t, c, ranking.Options{})); note != "" {
		t.Errorf("nothing is missing, got %q", note)
	}
	for i := range 12 {
		m := without(ranking.Published().Models[i], "object_focus")
		m.Name = fmt.Sprint("m", i)
		c.Models = append(c.Models, m)
	}
	for _, o := range []ranking.Options{{}, {AllowPartial: true}} {
		note := boundsNote(rank(t, c, o))
		if !strings.HasSuffix(note, ", and 2 more") || !strings.Contains(note, "m3 ") {
			t.Errorf("got %q", note)
		}
	}
	if r := rank(t, c, ranking.Options{AllowPartial: true, Normalization: ranking.InCohort}); boundsNote(r) != "" {
		t.Errorf("cohort constants need all values, got %q", boundsNote(r))
	}
	if b := rank(t, ranking.Cohort{Models: []ranking.Model{{Name: "empty"}}}, ranking.Options{}).Models[0].Bounds; b != nil {
		t.Errorf("nothing is known, got %v", b)
	}
}

// boundsNote is what readers are told beyond the notes.
func boundsNote(r ranking.Ranking) string {
	return strings.Join(r.NotesForReaders()[len(r.Notes):], "\n")
}
