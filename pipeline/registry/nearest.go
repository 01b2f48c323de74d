package registry

import "strings"

// Nearest returns the known name most like name, or "" when none is close
// enough to be a likely slip (more than about a third of the letters differ).
func Nearest(name string, known []string) string {
	best, limit := "", (len(name)+1)/3
	for _, candidate := range known {
		d := editDistance(strings.ToLower(name), strings.ToLower(candidate))
		if d < limit || (d == limit && best == "") {
			best, limit = candidate, d
		}
	}
	return best
}

// editDistance is the optimal string alignment distance: insertions,
// deletions, substitutions and swaps of neighbours cost 1 each.
func editDistance(a, b string) int {
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
