package autodiff

import (
	"fmt"

	"quba/internal/onnxpb"
)

// UnsupportedError is the error of a model whose gradient cannot be written.
type UnsupportedError struct {
	Model string // its file
	// Operator, with its domain unless that is ONNX's, Node and Output name
	// the place; they are "" where it is no single node.
	Operator, Node, Output string
	// Reason says why, "" when there is no rule for the operator.
	Reason string
}

func (e *UnsupportedError) Error() string {
	const remedy = `; use the attack "square", which needs no gradient`
	where := fmt.Sprintf("%s (node %q, output %q)", e.Operator, e.Node, e.Output)
	text := "no gradient rule for operator " + where
	switch {
	case e.Operator == "":
		text = e.Reason
	case e.Reason != "":
		text = fmt.Sprintf("no gradient of operator %s: %s", where, e.Reason)
	}
	if e.Model != "" {
		text = e.Model + ": " + text
	}
	return text + remedy
}

// unsupported names the node; without a reason it has no rule.
func unsupported(n *onnxpb.NodeProto, reason string) error {
	e := &UnsupportedError{Operator: qualified(n.Domain, n.OpType), Node: n.Name, Reason: reason}
	if len(n.Output) > 0 {
		e.Output = n.Output[0]
	}
	return e
}
