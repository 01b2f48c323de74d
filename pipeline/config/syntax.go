package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var syntaxError = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)

// searchBytes is the size up to which a file is parsed again and again to
// find the place of an error.
const searchBytes = 64 << 10

// syntaxAdvice says what usually is behind an error of the YAML library.
var syntaxAdvice = []struct{ words, advice string }{
	{"did not find expected key", "check the indentation of this line"},
	{"did not find expected '-' indicator", "check the indentation of this line"},
	{"mapping values are not allowed", `put a text that holds ": " in quotes`},
	{"cannot start any token", "put the text in quotes"},
	{"did not find expected ',' or '}'", "close the bracket, and put a text that holds { or } in quotes"},
	{"did not find expected ',' or ']'", "close the bracket, and put a text that holds [ or ] in quotes"},
	{"did not find expected node content", `between brackets write values with commas, without "-"`},
	{"unexpected end of stream", "a quote is not closed"},
}

// syntax places an error of the YAML library, which is sometimes a line off
// and sometimes names the line where a long list began: the first line that
// cannot follow those before it is the better place.
func (d *document) syntax(data []byte, err error) Issue {
	told, problem := problemOf(err)
	lines := bytes.SplitAfter(data, []byte("\n"))
	bad := min(told, len(lines)) - 1
	if len(data) <= searchBytes {
		bad = sort.Search(len(lines)-1, func(i int) bool {
			_, other := problemOf(parseError(bytes.Join(lines[:i+1], nil)))
			return other == problem
		})
	}
	line := string(lines[bad])
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		return Issue{File: d.file, Line: bad + 1, Col: tab + 1, Message: "tab in the indentation; indent with spaces"}
	}
	if issue, ok := d.unclosedBracket(data, problem); ok {
		return issue
	}
	message := "not valid YAML: " + problem
	for _, a := range syntaxAdvice {
		if strings.Contains(problem, a.words) {
			message += "; " + a.advice
		}
	}
	return Issue{File: d.file, Line: bad + 1, Col: len(indent) + 1, Message: message}
}

// unclosedBracket words what the library complains of when a bracket has no
// partner, at the bracket.
func (d *document) unclosedBracket(data []byte, problem string) (Issue, bool) {
	if !strings.Contains(problem, "did not find expected ',' or") && !strings.Contains(problem, "did not find expected node content") {
		return Issue{}, false
	}
	b, found := unclosed(data)
	if !found {
		return Issue{}, false
	}
	return Issue{
		File: d.file, Line: b.line, Col: b.col,
		Message: fmt.Sprintf("not valid YAML: this %q is not closed; close it with %q, and put texts that hold brackets in quotes", string(b.char), string(b.closing())),
	}, true
}

func parseError(data []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		if err := decoder.Decode(&node); err != nil {
			return err
		}
	}
}

// problemOf splits the library's message; the line is 1 when it names none,
// and the problem is empty when there is no error.
func problemOf(err error) (line int, problem string) {
	if err == nil || errors.Is(err, io.EOF) {
		return 1, ""
	}
	m := syntaxError.FindStringSubmatch(err.Error())
	if m == nil {
		return 1, err.Error()
	}
	line, _ = strconv.Atoi(m[1]) // digits, or nothing
	return max(line, 1), m[2]
}
