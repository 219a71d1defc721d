package arch_test

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const zapPath = "go.uber.org/zap"

// fieldTypes are the makers of fields that there may be, and what a reader of JSON
// gets of each. None takes anything whatever: such a one prints what it is given,
// and that may be a row or a secret one day.
var fieldTypes = map[string]string{
	"Error": "text", "String": "text", "Stringer": "text", "Duration": "text", "Strings": "list",
	"Int": "number", "Int32": "number", "Int64": "number", "Uint32": "number", "Uint64": "number",
}

// elsewhere is what is used of zap and makes no field.
var elsewhere = []string{"Logger", "Field", "New", "NewNop", "NewProductionEncoderConfig", "NewStdLogAt", "WarnLevel", "WithCaller"}

// onlyFindings are files that write into no log: `tailrace check` turns their
// lines into findings.
var onlyFindings = []string{
	"capture/mysql/check_place.go", "capture/postgres/check_place.go",
	"checkpoint/kafka/check.go", "publish/kafka/check.go", "cmd/tailrace/check_log.go",
}

// varying are the messages that a name holds; each is a sentence of ours.
var varying = map[string]string{
	"pipeline/pipeline.go":     "trouble", // an argument of insist
	"cmd/tailrace/run.go":      "w",       // a warning of the configuration
	"cmd/tailrace/setup.go":    "w",
	"cmd/tailrace/position.go": "w",
}

// unspeakable are the fields and methods that hold rows, secrets, or URLs with
// them. What is logged is never taken from one.
var unspeakable = []string{"Reveal", "Raw", "Before", "After", "Key", "Value", "Password", "password", "URL"}

// loginless may be logged although it is called like something else: the
// configuration refuses a login in that URL.
const loginless = "cfg.Publish.URL"

// A logField is one place at which a key gets a value.
type logField struct {
	key, kind, where string
}

// logFields returns the fields that a file gives to its log.
func (s source) logFields(t *testing.T) (all []logField) {
	t.Helper()
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := ofZap(call.Fun)
		kind, ok := fieldTypes[name]
		switch {
		case !ok:
			return true
		case name == "Error":
			all = append(all, logField{"error", kind, s.path})
			return true
		}
		if key, ok := fixedText(call.Args[0]); ok {
			all = append(all, logField{key, kind, s.path})
		} else {
			t.Errorf("%s: zap.%s has a key that varies, want one that is written there", s.path, name)
		}
		return true
	})
	return all
}

// ofZap returns the name of what is called of zap, "" if it is of somewhere else.
func ofZap(called ast.Expr) string {
	if f, ok := called.(*ast.SelectorExpr); ok {
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "zap" {
			return f.Sel.Name
		}
	}
	return ""
}

// fixedText returns the text of a literal, or of a sum of them.
func fixedText(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := fixedText(e.X)
		right, also := fixedText(e.Y)
		return left + right, ok && also
	}
	return "", false
}

// levels are the methods that write a line.
var levels = []string{"Debug", "Info", "Warn", "Error", "DPanic", "Panic", "Fatal"}

// logCalls returns the calls of such methods of a log.
func (s source) logCalls(methods ...string) (all []*ast.CallExpr) {
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains(methods, f.Sel.Name) {
			return true
		}
		switch x := f.X.(type) {
		case *ast.Ident:
			if x.Name == "log" {
				all = append(all, call)
			}
		case *ast.SelectorExpr:
			if x.Sel.Name == "Log" || x.Sel.Name == "log" {
				all = append(all, call)
			}
		}
		return true
	})
	return all
}

// logging are the files that log.
func logging(t *testing.T) (files []source) {
	t.Helper()
	for _, s := range sources(t) {
		if len(s.uses(zapPath)) > 0 && !slices.Contains(onlyFindings, s.path) {
			files = append(files, s)
		}
	}
	return files
}

func TestEveryKeyOfTheLogIsDocumentedAndOfOneType(t *testing.T) {
	used := map[string]logField{}
	for _, s := range logging(t) {
		for _, f := range s.logFields(t) {
			if first, ok := used[f.key]; ok && first.kind != f.kind {
				t.Errorf("the key %s is a %s in %s and a %s in %s, want one type", f.key, first.kind, first.where, f.kind, f.where)
			}
			used[f.key] = f
		}
	}
	if len(used) < 20 {
		t.Fatalf("got %d keys from the sources, want more: they are no longer found", len(used))
	}
	documented := documentedKeys(t)
	for _, key := range slices.Sorted(maps.Keys(used)) {
		switch kind, ok := documented[key]; {
		case !ok:
			t.Errorf("%s lacks the key %s of %s", operations, key, used[key].where)
		case kind != used[key].kind:
			t.Errorf("%s: the key %s is a %s, want a %s as in %s", operations, key, kind, used[key].kind, used[key].where)
		}
	}
	for key := range documented {
		if _, ok := used[key]; !ok {
			t.Errorf("%s has the key %s, which nothing writes any more", operations, key)
		}
	}
}

// operations has a table of the keys.
const operations = "docs/operations.md"

var documentedKey = regexp.MustCompile("(?m)^\\| (`[a-z_]+`(?:, `[a-z_]+`)*) \\| (text|list|number) \\|")

func documentedKeys(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(operations)))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Logs\n")
	if !ok {
		t.Fatalf("%s has no section on logs", operations)
	}
	keys := map[string]string{}
	for _, m := range documentedKey.FindAllStringSubmatch(section, -1) {
		for key := range strings.SplitSeq(m[1], ", ") {
			key = strings.Trim(key, "`")
			if _, twice := keys[key]; twice {
				t.Errorf("%s has the key %s twice", operations, key)
			}
			keys[key] = m[2]
		}
	}
	return keys
}

func TestFieldsOfTheLogAreOfFewTypes(t *testing.T) {
	for _, s := range sources(t) {
		for _, name := range s.uses(zapPath) {
			if _, ok := fieldTypes[name]; !ok && !slices.Contains(elsewhere, name) {
				t.Errorf("%s uses zap.%s, want one of %v", s.path, name, slices.Sorted(maps.Keys(fieldTypes)))
			}
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if f, ok := n.(*ast.SelectorExpr); ok && f.Sel.Name == "Sugar" {
				t.Errorf("%s uses a sugared log, which takes anything", s.path)
			}
			return true
		})
	}
}

func TestMessagesOfTheLogAreFixed(t *testing.T) {
	lines := 0
	for _, s := range logging(t) {
		for _, call := range s.logCalls(levels...) {
			lines++
			if _, ok := fixedText(call.Args[0]); ok {
				continue
			}
			if name, ok := call.Args[0].(*ast.Ident); !ok || varying[s.path] != name.Name {
				t.Errorf("%s: a message of the log varies, want what varies in a key of its own", s.path)
			}
		}
	}
	if lines < 30 {
		t.Fatalf("got %d lines of the log from the sources, want more: they are no longer found", lines)
	}
}

// What is in rows and in URLs has names, and no call that logs has one of them.
func TestNoLineOfTheLogIsGivenAValueOrASecret(t *testing.T) {
	for _, s := range logging(t) {
		for _, call := range s.logCalls(slices.Concat(levels, []string{"With"})...) {
			for _, name := range unspeakableIn(call) {
				t.Errorf("%s: a line of the log is given %s", s.path, name)
			}
		}
	}
}

// unspeakableIn returns what a call takes that it may not show.
func unspeakableIn(call *ast.CallExpr) (found []string) {
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			f, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if name := dotted(f); name != loginless && slices.Contains(unspeakable, f.Sel.Name) {
				found = append(found, name)
			}
			return true
		})
	}
	return found
}

// dotted returns a selection of names as it is written, "…" for what is no name.
func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return dotted(e.X) + "." + e.Sel.Name
	}
	return "…"
}

// Who reveals a secret hands it to a connection.
func TestSecretsAreRevealedWhereConnectionsAreMadeOnly(t *testing.T) {
	may := []string{"cmd/tailrace/source.go", "cmd/tailrace/sink.go", "config/secret.go"}
	found := 0
	for _, s := range sources(t) {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			f, ok := n.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "Reveal" {
				return true
			}
			found++
			if !slices.Contains(may, s.path) {
				t.Errorf("%s reveals a secret, and %v may", s.path, may)
			}
			return true
		})
	}
	if found < 4 {
		t.Errorf("got %d places that reveal a secret, want more: they are no longer found", found)
	}
}
