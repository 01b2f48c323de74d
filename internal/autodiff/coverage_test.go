package autodiff

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
)

// withoutGradient are operators of exports that need no rule: they compute
// shapes, masks and indices, which are constants once the input's shape is
// fixed, or are rewritten before.
var withoutGradient = []string{
	"Constant", "ConstantOfShape", "Dropout", "Equal", "Mod", "Not", "Range", "ScatterND", "Shape",
}

// TestCoverage asks for a rule for every operator of the common families.
func TestCoverage(t *testing.T) {
	file, err := os.Open("testdata/operators.txt")
	check(t, err)
	defer file.Close()
	models := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		model, list, ok := strings.Cut(lines.Text(), ": ")
		if !ok || strings.HasPrefix(model, "#") {
			continue
		}
		models++
		var missing []string
		for _, operator := range strings.Fields(list) {
			if rules[operator] == nil && !slices.Contains(withoutGradient, operator) {
				missing = append(missing, operator)
			}
		}
		if len(missing) > 0 {
			t.Errorf("%-28s no rule for %v", model, missing)
			continue
		}
		t.Logf("%-28s supported", model)
	}
	if models < 60 {
		t.Errorf("only %d models in the list", models)
	}
}
