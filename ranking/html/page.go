package html

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"strings"
)

var (
	//go:embed assets third_party
	files embed.FS

	page = template.Must(template.ParseFS(files, "assets/page.html"))

	// scripts are run in this order, each in a block of its own.
	scripts = []string{
		"third_party/d3.min.js", "third_party/plot.min.js",
		"assets/score.js", "assets/dom.js", "assets/figures.js", "assets/details.js", "assets/main.js",
	}
	// licences are those of the libraries and of what they have inside.
	licences = []string{
		"third_party/d3.LICENSE", "third_party/plot.LICENSE",
		"third_party/interval-tree-1d.LICENSE", "third_party/binary-search-bounds.LICENSE", "third_party/isoformat.LICENSE",
	}
)

const (
	styleSheet = "assets/report.css"
	// plotStyle is the style that Observable Plot puts into every figure: it
	// stands here so that the policy can allow it and no other.
	plotStyle = "assets/plot.css"
)

// frame is what the template is given. Everything that is not a block of our
// own is escaped by it.
type frame struct {
	Title, Version string
	Policy         string
	Style          template.HTML
	Data           template.HTML
	Scripts        []template.HTML
	Sources        []source
	Sheets         []shownSheet
	SheetsLeftOut  []string
	Licences       []licence
}

// shownSheet has a picture inside its address.
type shownSheet struct {
	Title string
	Image template.URL
}

type licence struct{ Name, Text string }

// Write writes the page. The same page gives the same bytes.
func (p Page) Write(w io.Writer) error {
	text, err := dataBlock(p.data)
	if err != nil {
		return err
	}
	f := frame{
		Title: p.title, Version: p.version, Sources: p.sources,
		Policy: policy(), Style: block("style", asset(styleSheet)), Data: text, SheetsLeftOut: p.sheets.LeftOut,
	}
	for _, s := range p.sheets.Pictures {
		f.Sheets = append(f.Sheets, shownSheet{s.Title, template.URL("data:" + s.Type + ";base64," + base64.StdEncoding.EncodeToString(s.Image))})
	}
	for _, name := range scripts {
		f.Scripts = append(f.Scripts, block("script", asset(name)))
	}
	for _, name := range licences {
		library := strings.TrimSuffix(strings.TrimPrefix(name, "third_party/"), ".LICENSE")
		f.Licences = append(f.Licences, licence{library, asset(name)})
	}
	var out bytes.Buffer
	if err := page.Execute(&out, f); err != nil {
		return err
	}
	_, err = w.Write(out.Bytes())
	return err
}

// dataBlock is the data as JSON that no script runs. The encoder escapes <, >
// and & as well as U+2028 and U+2029, so that nothing in it can end the block.
func dataBlock(d data) (template.HTML, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	return template.HTML(`<script type="application/json" id="data">` + string(text) + `</script>`), nil
}

func block(element, text string) template.HTML {
	return template.HTML("<" + element + ">" + text + "</" + element + ">")
}

// policy is the content security policy: only the blocks of this page, and
// nothing from elsewhere.
func policy() string {
	var allowed []string
	for _, name := range scripts {
		allowed = append(allowed, hashOf(asset(name)))
	}
	return "default-src 'none'; script-src " + strings.Join(allowed, " ") +
		"; style-src " + hashOf(asset(styleSheet)) + " " + hashOf(asset(plotStyle)) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
}

// hashOf is a source expression of Content Security Policy Level 3, section 2.3.1.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// asset is an embedded file, which is there by construction.
func asset(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic("html: " + err.Error())
	}
	return string(text)
}
