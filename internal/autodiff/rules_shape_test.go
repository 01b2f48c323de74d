package autodiff

import "testing"

func TestShapeAdjoint(t *testing.T) {
	initialize(t)
	for name, n := range map[string]linearNode{
		"reshape":   {operator: "Reshape", inputs: []any{shape{2, 3, 4}, int64Tensor([]int64{0, -1})}},
		"flatten":   {operator: "Flatten", attributes: []attribute{{"axis", 2}}, inputs: []any{shape{2, 3, 4}}},
		"squeeze":   {operator: "Squeeze", inputs: []any{shape{2, 1, 4, 1}, int64Tensor([]int64{-1})}},
		"unsqueeze": {operator: "Unsqueeze", inputs: []any{shape{2, 4}, int64Tensor([]int64{0, -1})}},
		"transpose": {operator: "Transpose", attributes: []attribute{{"perm", []int64{1, 2, 0}}}, inputs: []any{shape{2, 3, 4}}},
		"reversed":  {operator: "Transpose", inputs: []any{shape{2, 3, 4}}},
		"expand":    {operator: "Expand", inputs: []any{shape{3, 1}, int64Tensor([]int64{2, 1, 4})}},
		"tile":      {operator: "Tile", inputs: []any{shape{2, 3, 2}, int64Tensor([]int64{1, 2, 3})}},
		"concat": {
			operator: "Concat", attributes: []attribute{{"axis", -2}},
			inputs: []any{randomTensor(1, 2, 3, 2), shape{2, 1, 2}, randomTensor(2, 2, 2, 2)},
		},
		"concat twice": {operator: "Concat", attributes: []attribute{{"axis", 0}}, inputs: []any{shape{1, 2}, shape{1, 2}}},
		"split": {
			operator: "Split", attributes: []attribute{{"axis", -1}}, outputs: 3,
			inputs: []any{shape{2, 7}, int64Tensor([]int64{1, 4, 2})},
		},
		"split, one unused": {operator: "Split", outputs: 2, ignored: []int{0}, inputs: []any{shape{4, 2}}},
		"depth to space, DCR": {
			operator: "DepthToSpace", attributes: []attribute{{"blocksize", 2}, {"mode", "DCR"}},
			inputs: []any{shape{2, 8, 3, 2}},
		},
		"depth to space, CRD": {
			operator: "DepthToSpace", attributes: []attribute{{"blocksize", 2}, {"mode", "CRD"}},
			inputs: []any{shape{2, 8, 3, 2}},
		},
		"space to depth": {operator: "SpaceToDepth", attributes: []attribute{{"blocksize", 2}}, inputs: []any{shape{2, 3, 4, 6}}},
	} {
		t.Run(name, func(t *testing.T) { checkAdjoint(t, n, 1) })
	}
}
