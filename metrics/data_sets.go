package metrics

import (
	"fmt"
	"strconv"
	"strings"
)

// Names of the decisions among the classes of public test sets.
const (
	decisionCategories16 = "categories16"
	decisionImageNetR    = "imagenet_r"
	decisionImageNet9    = "imagenet_9"
)

// className names a class of a data set; without names it is its number.
func className(names []string, class int32) string {
	if class >= 0 && int(class) < len(names) {
		return names[class]
	}
	return strconv.Itoa(int(class))
}

// generatedNotes says that images of a test set were made from others by
// stages; p counts them among n.
func generatedNotes(p perturbed, what string, n int64) []string {
	switch p.rows {
	case 0:
		return nil
	case n:
		return []string{fmt.Sprintf("generated %s (%s), not the published ones", what, p.first)}
	}
	return []string{fmt.Sprintf("generated %s (%s): %d of %d", what, p.first, p.rows, n)}
}

// roleNames lists the names of roles for a message.
func roleNames(roles []Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = role.Name
	}
	return strings.Join(names, ", ")
}
