package sensitivity

import (
	"math"
	"slices"
)

// solveGame returns the value of a matrix game and the best mixed strategy of
// the player who chooses rows and wants much: the linear program
// max v, payoff^T w >= v, w >= 0, sum w = 1.
//
// The program of the other player, max sum y with (payoff + shift) y <= 1 and
// y >= 0, has the slack variables as its first basis, and w are its dual
// values (Dantzig 1951). gonum's Simplex gives no dual values; on the program
// of the first player, with a constraint for each column, it is slow.
func solveGame(payoff [][]float64) (value float64, w []float64) {
	shift := 1 - minimum(payoff)
	t := newTableau(payoff, shift)
	for t.improve() {
	}
	rows, columns := len(payoff), len(payoff[0])
	w = make([]float64, rows)
	for r := range w {
		w[r] = max(0, t.cells[rows][columns+r])
	}
	normalise(w)
	// The value of w itself, rather than of the program, holds in any case.
	value = math.Inf(1)
	for c := range columns {
		sum := 0.0
		for r := range rows {
			sum += w[r] * payoff[r][c]
		}
		value = min(value, sum)
	}
	return value, w
}

func minimum(of [][]float64) float64 {
	least := math.Inf(1)
	for _, row := range of {
		least = min(least, slices.Min(row))
	}
	return least
}

// tableau is a dense simplex tableau: constraint rows, then the row of
// reduced costs; variables, then slacks, then the right-hand side.
type tableau struct {
	cells [][]float64
	basis []int // the variable of each constraint
}

func newTableau(payoff [][]float64, shift float64) tableau {
	rows, columns := len(payoff), len(payoff[0])
	t := tableau{cells: grid[float64](rows+1, columns+rows+1), basis: make([]int, rows)}
	for r, row := range payoff {
		for c, v := range row {
			t.cells[r][c] = v + shift
			t.cells[rows][c] = -1
		}
		t.cells[r][columns+r], t.cells[r][columns+rows] = 1, 1
		t.basis[r] = columns + r
	}
	return t
}

// pivotTolerance is what counts as 0 in a tableau.
const pivotTolerance = 1e-11

// improve makes one step by Bland's rule, which cannot cycle: the first
// variable that improves enters, and among the tightest constraints the one
// of the first variable leaves. It says whether there was a step.
func (t tableau) improve() bool {
	costs := t.cells[len(t.basis)]
	rhs := len(costs) - 1
	enter := slices.IndexFunc(costs[:rhs], func(v float64) bool { return v < -pivotTolerance })
	if enter < 0 {
		return false
	}
	leave := -1
	tightest := math.Inf(1)
	for r, variable := range t.basis {
		if t.cells[r][enter] <= pivotTolerance {
			continue
		}
		ratio := t.cells[r][rhs] / t.cells[r][enter]
		if ratio < tightest || ratio == tightest && variable < t.basis[leave] {
			leave, tightest = r, ratio
		}
	}
	// Payoffs above 0 bound the program: only rounding leaves no constraint.
	if leave < 0 {
		return false
	}
	t.pivot(leave, enter)
	return true
}

func (t tableau) pivot(leave, enter int) {
	pivot := t.cells[leave]
	scale := pivot[enter]
	for c := range pivot {
		pivot[c] /= scale
	}
	for r, row := range t.cells {
		factor := row[enter]
		if r == leave || factor == 0 {
			continue
		}
		for c, v := range pivot {
			row[c] -= factor * v
		}
	}
	t.basis[leave] = enter
}
