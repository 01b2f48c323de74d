package autodiff

import (
	"strings"
	"testing"
)

func TestMatMulAdjoint(t *testing.T) {
	initialize(t)
	for name, inputs := range map[string][]any{
		"matrices, left":         {shape{3, 4}, randomTensor(1, 4, 5)},
		"matrices, right":        {randomTensor(1, 3, 4), shape{4, 5}},
		"stack and matrix":       {shape{2, 3, 4, 5}, randomTensor(1, 5, 6)},
		"matrix under a stack":   {randomTensor(1, 2, 3, 4, 5), shape{5, 6}},
		"matrix over a stack":    {shape{4, 5}, randomTensor(1, 2, 3, 5, 6)},
		"stacks":                 {randomTensor(1, 2, 3, 4, 5), shape{2, 3, 5, 6}},
		"repeated right":         {randomTensor(1, 2, 3, 4, 5), shape{3, 5, 6}},
		"repeated left":          {shape{2, 1, 4, 5}, randomTensor(1, 1, 3, 5, 6)},
		"vector, left":           {shape{4}, randomTensor(1, 4, 5)},
		"vector left of a stack": {shape{4}, randomTensor(1, 2, 4, 5)},
		"stack left of a vector": {shape{2, 3, 4}, randomTensor(1, 4)},
		"vector, right":          {randomTensor(1, 2, 3, 4), shape{4}},
	} {
		t.Run(name, func(t *testing.T) {
			checkAdjoint(t, linearNode{operator: "MatMul", inputs: inputs}, 1)
		})
	}
}

func TestGemmAdjoint(t *testing.T) {
	initialize(t)
	dims := func(rows, columns int64, transposed int) []int64 {
		if transposed == 1 {
			return []int64{columns, rows}
		}
		return []int64{rows, columns}
	}
	for transA := range 2 {
		for transB := range 2 {
			a, y := dims(3, 4, transA), dims(4, 5, transB)
			attributes := []attribute{{"transA", transA}, {"transB", transB}, {"alpha", float32(0.7)}, {"beta", float32(-1.5)}}
			for _, inputs := range [][]any{
				{shape(a), randomTensor(1, y...)},
				{randomTensor(1, a...), shape(y)},
				{randomTensor(1, a...), randomTensor(2, y...), shape{5}},
				{randomTensor(1, a...), randomTensor(2, y...), shape{3, 1}},
			} {
				checkAdjoint(t, linearNode{operator: "Gemm", attributes: attributes, inputs: inputs}, 1)
			}
		}
	}
}

func TestEinsumAdjoint(t *testing.T) {
	initialize(t)
	for equation, inputs := range map[string][]any{
		"bhid,bhjd->bhij":    {shape{2, 2, 3, 4}, randomTensor(1, 2, 2, 5, 4)},
		"bhij, bhjd -> bhid": {randomTensor(1, 2, 2, 3, 4), shape{2, 2, 4, 5}},
		"ij,jk":              {shape{3, 4}, randomTensor(1, 4, 5)},
		"bij,j->b":           {shape{2, 3, 4}, randomTensor(1, 4)},
		"ij->ji":             {shape{3, 4}},
		"bchw,ck,kd->bdhw":   {shape{2, 3, 2, 2}, randomTensor(1, 3, 4), randomTensor(2, 4, 2)},
		"bhwij,hcij->bchwi":  {randomTensor(1, 1, 2, 3, 2, 2), shape{2, 3, 2, 2}},
	} {
		t.Run(equation, func(t *testing.T) {
			n := linearNode{operator: "Einsum", attributes: []attribute{{"equation", equation}}, inputs: inputs}
			checkAdjoint(t, n, 1)
		})
	}
}

func TestParseEquationRefuses(t *testing.T) {
	for _, equation := range []string{"...ij,jk->...ik", "ii->i", "ij->ij"} {
		_, _, err := parseEquation(equation, 2)
		if err == nil || !strings.Contains(err.Error(), equation) {
			t.Errorf("%q: %v", equation, err)
		}
	}
}
