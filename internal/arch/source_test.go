package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tailrace/tailrace"

// A source is one Go file of the repository.
type source struct {
	path   string // from the root of the repository, with slashes
	folder string // "." at the root
	lines  int
	syntax *ast.File
}

// sources returns the Go files that are part of the product or of its tools,
// without tests.
func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var found []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if file != root && (name == "testdata" || name == "bin" || name[0] == '.' || name[0] == '_') {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(relative)
		found = append(found, source{
			path:   slashed,
			folder: path.Dir(slashed),
			lines:  strings.Count(string(text), "\n"),
			syntax: syntax,
		})
		return nil
	})
	if err != nil {
		t.Fatalf("read the repository: %v", err)
	}
	if len(found) == 0 {
		t.Fatal("read the repository: there is no Go file")
	}
	return found
}

// imports returns the paths that a file imports.
func (s source) imports() []string {
	paths := make([]string, 0, len(s.syntax.Imports))
	for _, spec := range s.syntax.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// uses returns the names that a file takes from an imported package, whatever
// it calls the package.
func (s source) uses(imported string) []string {
	called := ""
	for _, spec := range s.syntax.Imports {
		if spec.Path.Value != strconv.Quote(imported) {
			continue
		}
		called = path.Base(imported)
		if spec.Name != nil {
			called = spec.Name.Name
		}
	}
	if called == "" {
		return nil
	}
	var names []string
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && x.Name == called {
			names = append(names, selector.Sel.Name)
		}
		return true
	})
	return names
}
