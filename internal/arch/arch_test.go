// Package arch holds the rules of the house as tests: who may import whom,
// and what no component may do. A message names the rule and the way out.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "quba/"

// file is one Go file of the project that is no test and not generated.
type file struct {
	path    string // relative to the root, with slashes
	pkg     string // folder
	imports []string
	ast     *ast.File
}

func load(t *testing.T) ([]file, *token.FileSet) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []file
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil || ast.IsGenerated(parsed) {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f := file{path: filepath.ToSlash(rel), pkg: filepath.ToSlash(filepath.Dir(rel)), ast: parsed}
		for _, imp := range parsed.Imports {
			f.imports = append(f.imports, strings.Trim(imp.Path.Value, `"`))
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 30 {
		t.Fatalf("only %d files found: the test looks in the wrong folder", len(files))
	}
	return files, fset
}

func standardLibrary(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && !strings.HasPrefix(path, module)
}

func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// allowed lists what a folder may import of the project; the standard library
// and, where not said otherwise, other modules are always allowed.
var allowed = map[string][]string{
	"pipeline/registry":     {},
	"pipeline/record":       {},
	"pipeline/config":       {"pipeline/registry"},
	"pipeline":              {"pipeline/config", "pipeline/record", "pipeline/registry", "internal/imaging", "internal/parquetio"},
	"pipeline/samplestream": {"pipeline", "pipeline/record"},
	"sources":               {"pipeline", "pipeline/record", "pipeline/registry", "internal"},
	"stages":                {"pipeline", "pipeline/record", "pipeline/registry", "internal"},
	"sinks":                 {"pipeline", "pipeline/record", "pipeline/registry", "metrics", "internal"},
	"metrics":               {"pipeline/record", "pipeline/registry"},
	"ranking":               {"metrics", "pipeline/record", "pipeline/registry", "internal/parquetio"},
	"ranking/html":          {"ranking", "ranking/report", "ranking/correlation", "ranking/sensitivity", "ranking/uncertainty", "metrics", "pipeline/record"},
	"ranking/figures":       {"ranking", "ranking/correlation", "ranking/sensitivity", "ranking/uncertainty", "metrics", "pipeline/registry"},
	"ranking/rankingtest":   {"ranking", "metrics"},
	"ranking/uncertainty":   {"ranking", "metrics", "pipeline/record", "internal/parquetio", "internal/stats"},
	"ranking/sensitivity":   {"ranking", "metrics", "pipeline/registry", "configs/weights", "internal/stats"},
	"configs/weights":       {},
	"ranking/correlation":   {"ranking", "internal/stats"},
	"ranking/groups":        {"ranking", "metrics", "pipeline/registry", "internal/stats"},
	"ranking/opinions":      {"ranking", "metrics", "internal/stats"},
	"internal/stats":        {},
	"ranking/report":        {"ranking", "metrics", "pipeline/record", "pipeline/registry", "internal/imagenet"},
	"internal/imagenet":     {"pipeline/record"},
	"internal/compose":      {"pipeline", "pipeline/record", "internal/imaging", "internal/imagenet"},
	"internal/imaging":      {},
	"internal/parquetio":    {"pipeline/record"},
	"internal/corruption":   {"internal/imaging", "internal/edge", "pipeline/registry"},
	"internal/edge":         {},
	"internal/onnxfile":     {},
	"internal/onnxpb":       {},
	"internal/attack":       {},
	"internal/autodiff":     {"internal/onnxpb", "internal/onnxfile", "internal/ort"},
	"internal/modelcard":    {"internal/imaging", "internal/onnxfile", "pipeline/registry"},
}

func TestWhoMayImportWhom(t *testing.T) {
	files, _ := load(t)
	for _, f := range files {
		may, ruled := allowed[f.pkg]
		if !ruled {
			continue
		}
		for _, imp := range f.imports {
			inner, ours := strings.CutPrefix(imp, module)
			if !ours || within(inner, f.pkg) {
				continue
			}
			if !slices.ContainsFunc(may, func(prefix string) bool { return inner == prefix || prefix == "internal" && within(inner, prefix) }) {
				t.Errorf("%s imports %s; %s may import only %v: move the shared part down into one of those, or pass it in as an interface", f.path, imp, f.pkg, may)
			}
		}
	}
}

func TestRegistryNeedsOnlyTheStandardLibrary(t *testing.T) {
	files, _ := load(t)
	for _, f := range files {
		for _, imp := range f.imports {
			if f.pkg == "pipeline/registry" && !standardLibrary(imp) {
				t.Errorf("%s imports %s; the registry is imported by everything and needs the standard library only", f.path, imp)
			}
			if f.pkg == "pipeline/record" && !standardLibrary(imp) && !strings.HasPrefix(imp, "github.com/apache/arrow/") {
				t.Errorf("%s imports %s; records are imported by everything and need Arrow only", f.path, imp)
			}
		}
	}
}

// sole says which folder, or file, is the only one to import a module.
var sole = map[string]string{
	"github.com/reugn/go-streams":              "pipeline/stream.go",
	"github.com/yalue/onnxruntime_go":          "internal/ort",
	"github.com/knadh/koanf":                   "pipeline/config",
	"github.com/spf13/cobra":                   "cmd",
	"github.com/apache/arrow/go/v17/parquet":   "internal/parquetio",
	"github.com/santhosh-tekuri/jsonschema/v6": "pipeline/config",
	"github.com/invopop/jsonschema":            "pipeline/config",
	"gonum.org/v1/plot":                        "ranking/figures",
}

func TestOneImporterEach(t *testing.T) {
	files, _ := load(t)
	for _, f := range files {
		for _, imp := range f.imports {
			for dependency, home := range sole {
				if within(imp, dependency) && !within(f.path, home) {
					t.Errorf("%s imports %s; only %s may: use what it offers, or extend it", f.path, imp, home)
				}
			}
			if within(imp, module+"cmd") {
				t.Errorf("%s imports %s; nobody imports cmd: move the shared part out of it", f.path, imp)
			}
		}
	}
}

// call finds "package.Function" calls in a file.
func calls(f file, visit func(name string, node ast.Node)) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Obj == nil {
			visit(pkg.Name+"."+sel.Sel.Name, n)
		}
		return true
	})
}

func TestNobodyExitsOutsideTheCommand(t *testing.T) {
	files, fset := load(t)
	for _, f := range files {
		if within(f.pkg, "cmd") {
			continue
		}
		calls(f, func(name string, n ast.Node) {
			if name == "os.Exit" && !within(f.pkg, "internal/ort") || strings.HasPrefix(name, "log.Fatal") || strings.HasPrefix(name, "log.Panic") {
				t.Errorf("%s: %s; only cmd ends the process: return an error", fset.Position(n.Pos()), name)
			}
		})
	}
}

// Metrics and stages give the same result for the same input: they know no
// clock and no random numbers but those of the sample.
func TestMetricsAndStagesAreFunctionsOfTheirInput(t *testing.T) {
	files, fset := load(t)
	for _, f := range files {
		if !within(f.pkg, "metrics") && !within(f.pkg, "stages") {
			continue
		}
		calls(f, func(name string, n ast.Node) {
			pkg, function, _ := strings.Cut(name, ".")
			global := pkg == "rand" && slices.Contains([]string{"Int", "IntN", "Intn", "Float64", "Float32", "Perm", "Shuffle", "NormFloat64", "ExpFloat64", "Uint64", "Uint32", "N"}, function)
			if global || name == "time.Now" || name == "time.Since" {
				t.Errorf("%s: %s; use the sample's Rand, and leave clocks to the engine", fset.Position(n.Pos()), name)
			}
		})
	}
}

// An init function registers, and does nothing else.
func TestInitOnlyRegisters(t *testing.T) {
	files, fset := load(t)
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Name.Name != "init" {
				continue
			}
			for _, stmt := range fn.Body.List {
				if !registers(stmt) {
					t.Errorf("%s: an init function only registers components; do this where it is needed", fset.Position(stmt.Pos()))
				}
			}
		}
	}
}

func registers(stmt ast.Stmt) bool {
	expr, ok := stmt.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := expr.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return strings.HasPrefix(f.Sel.Name, "Register")
	case *ast.Ident:
		return strings.HasPrefix(f.Name, "register")
	}
	return false
}

func TestFoldersHaveNamesThatSaySomething(t *testing.T) {
	files, _ := load(t)
	vague := []string{"util", "utils", "common", "helper", "helpers", "misc", "types", "models", "lib", "base"}
	for _, f := range files {
		for _, part := range strings.Split(f.pkg, "/") {
			if slices.Contains(vague, part) {
				t.Errorf("%s: %q says nothing; name the folder after what it does", f.path, part)
			}
		}
	}
	root := filepath.Join("..", "..")
	top := []string{"pipeline", "stages", "sinks", "sources", "configs", "cmd", "metrics", "ranking", "internal", "docs", "bench", "tools", "bin", "results"}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(top, e.Name()) {
			t.Errorf("folder %s is not in the picture of docs/ARCHITECTURE.md; put it below one that is", e.Name())
		}
	}
}
