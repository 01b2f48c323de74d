package ranking

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Weights say how much each dimension counts, by dimension name. A dimension
// without one keeps its published weight; 0 leaves it out of the score.
type Weights map[string]float64

// resolve returns the dimensions that count, with their weights in place.
func (w Weights) resolve() ([]Dimension, error) {
	given := map[string]float64{}
	for name, weight := range w {
		d, err := checkWeight(name, weight)
		if err != nil {
			return nil, err
		}
		if _, twice := given[d.Name]; twice {
			return nil, fmt.Errorf("weight of %s is given twice, as %q and as %q", d.Name, d.Name, d.Column)
		}
		given[d.Name] = weight
	}
	var counted []Dimension
	for _, d := range dimensions {
		if weight, ok := given[d.Name]; ok {
			d.Weight = weight
		}
		if d.Weight > 0 {
			counted = append(counted, d)
		}
	}
	if len(counted) == 0 {
		return nil, errors.New("every weight is 0; at least one must be above")
	}
	return counted, nil
}

// maxWeight keeps weighted sums finite.
const maxWeight = 1e9

func checkWeight(name string, weight float64) (Dimension, error) {
	d, ok := findDimension(name)
	if !ok {
		return d, unknownDimension(name)
	}
	if !(weight >= 0 && weight <= maxWeight) {
		return d, fmt.Errorf("weight of %s must be 0..%.0e, got %v", name, maxWeight, weight)
	}
	return d, nil
}

// ParseWeight adds a weight written as "accuracy=2", as flags give it.
func (w Weights) ParseWeight(text string) error {
	name, number, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("weight %q must be written as dimension=number", text)
	}
	name = strings.TrimSpace(name)
	weight, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return fmt.Errorf("weight of %s must be a number, got %q", name, number)
	}
	return w.set(name, weight)
}

func (w Weights) set(name string, weight float64) error {
	d, err := checkWeight(name, weight)
	if err != nil {
		return err
	}
	if _, twice := w[d.Name]; twice {
		return fmt.Errorf("weight of %s is given twice", d.Name)
	}
	w[d.Name] = weight
	return nil
}

// ReadWeights reads a YAML or JSON file of dimension: weight.
func ReadWeights(path string) (Weights, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseWeights(path, data)
}

// parseWeights reports every fault, each as file:line:column. YAML contains
// JSON.
func parseWeights(name string, data []byte) (Weights, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: is empty; must be a mapping of dimension: weight", name)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: must hold one document", name)
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d:%d: must be a mapping of dimension: weight", name, root.Line, root.Column)
	}
	weights := Weights{}
	var faults []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if err := weights.setNode(key, value); err != nil {
			faults = append(faults, fmt.Errorf("%s:%d:%d: %w", name, key.Line, key.Column, err))
		}
	}
	return weights, errors.Join(faults...)
}

func (w Weights) setNode(key, value *yaml.Node) error {
	number := value.Tag == "!!float" || value.Tag == "!!int"
	var weight float64
	if value.Kind != yaml.ScalarNode || !number || value.Decode(&weight) != nil {
		return fmt.Errorf("weight of %s must be a number", key.Value)
	}
	return w.set(key.Value, weight)
}
