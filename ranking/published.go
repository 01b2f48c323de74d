package ranking

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// publishedCSV is the table of 326 models that arXiv 2503.17110 is about, as
// its authors publish it, with the column "damage" of our own.
//
//go:embed published.csv
var publishedCSV []byte

// Damage is a fault of the released code that a published row looks to have
// suffered.
type Damage string

const (
	// TrainMode: the model stayed in training mode after an attack, and what
	// was measured afterwards used the statistics of the batch. Recognised by
	// corruption robustness < 0.16 with adversarial robustness > 0.1.
	TrainMode Damage = "train_mode"
	// DoubleSoftmax: a model that gives probabilities had softmax applied
	// again. Recognised by class balance > 0.86.
	DoubleSoftmax Damage = "double_softmax"
)

// labelDamage is the label of published rows that holds their damage, joined
// with "+".
const labelDamage = "damage"

// Published returns the published rows in their order. Names repeat. The rows
// are shared: do not change their maps.
func Published() Cohort {
	return Cohort{
		Models: slices.Clone(publishedModels()),
		Notes:  []string{"published rows of arXiv 2503.17110, made with the released code"},
	}
}

var publishedModels = sync.OnceValue(func() []Model {
	models, err := parseCSV("published.csv", bytes.NewReader(publishedCSV))
	if err != nil {
		panic(fmt.Sprintf("ranking: embedded table: %v", err))
	}
	return models
})

// DamageOf lists the damage that a published row is flagged with.
func DamageOf(m Model) []Damage {
	flags := m.Labels[labelDamage]
	if flags == "" {
		return nil
	}
	var damage []Damage
	for flag := range strings.SplitSeq(flags, "+") {
		damage = append(damage, Damage(flag))
	}
	return damage
}
