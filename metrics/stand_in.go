package metrics

import "strings"

// standIn begins the note of a score for which the Square attack took the place
// of one that needs a gradient which the network does not have.
const standIn = "black-box Square in the place of "

// HasStandIn says of a score's note that attacks without gradients stood in, so
// that the score cannot be compared with those of attacks with gradients.
func HasStandIn(note string) bool { return strings.Contains(note, standIn) }
