package corruption

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAliasIsExact adds up what a table draws, column by column.
func TestAliasIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for trial := range 200 {
		var p, drawn [256]float64
		sum := 0.0
		for i := range p {
			if trial%2 == 0 || r.IntN(20) == 0 {
				p[i] = math.Exp(8 * r.NormFloat64())
			}
			sum += p[i]
		}
		if sum == 0 {
			p[7], sum = 1, 1
		}
		for column, entry := range newAlias(&p) {
			keep := float64(entry>>8) / (1 << 24)
			drawn[column] += keep / 256
			drawn[byte(entry)] += (1 - keep) / 256
		}
		for i := range p {
			if math.Abs(drawn[i]-p[i]/sum) > 1./(1<<24) {
				t.Fatalf("trial %d: %d is drawn with probability %v, want %v", trial, i, drawn[i], p[i]/sum)
			}
		}
	}
}

func TestAliasPick(t *testing.T) {
	const alias, column = 9, 200
	table := new(aliasTables)
	table[5][column] = 1000<<8 | alias
	for word, want := range map[uint32]byte{
		0<<8 | column: column, 999<<8 | column: column, 1000<<8 | column: alias, 0xffffff<<8 | column: alias,
	} {
		if got := table.pick(5, word); got != want {
			t.Errorf("word %#x picks %d, want %d", word, got, want)
		}
	}
}
