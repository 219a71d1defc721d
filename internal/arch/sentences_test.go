package arch_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A sentence is one with which Tailrace stops, as the source has it.
type sentence struct {
	text  string // … for what varies
	where string // file
}

// A maker is a function that makes an error of the class Stop, or one of the
// repository's own that hands its format on to such a function.
type maker struct {
	format int // index of the argument that is the format
	prefix string
}

// makers are those of package failure. Usage is not among them: what is wrong
// with a setting or an argument is said in the words of the setting.
var makers = map[string]maker{"Stop": {format: 1}, "StopFrom": {format: 2}, "Fenced": {format: 1}}

// stops returns the sentences of all errors of the class Stop that files make,
// also of those that are made through a function of the package.
func stops(files []source) []sentence {
	folders := make(map[string][]source)
	for _, s := range files {
		folders[s.folder] = append(folders[s.folder], s)
	}
	var all []sentence
	for folder, in := range folders {
		if folder != "internal/failure" {
			all = append(all, (&teller{files: in, own: make(map[string]maker)}).tell()...)
		}
	}
	slices.SortFunc(all, func(a, b sentence) int { return strings.Compare(a.where+a.text, b.where+b.text) })
	return slices.Compact(all)
}

// A teller finds the sentences of one package.
type teller struct {
	files  []source
	own    map[string]maker // the package's own makers by name
	found  []sentence
	inside *ast.FuncDecl
	file   source
	depth  int // of functions that are asked what they return
}

// tell looks again as long as that finds further makers.
func (t *teller) tell() []sentence {
	for {
		before := len(t.own)
		t.found = nil
		for _, t.file = range t.files {
			for _, d := range t.file.syntax.Decls {
				t.inside, _ = d.(*ast.FuncDecl)
				ast.Inspect(d, t.visit)
			}
		}
		if len(t.own) == before {
			return t.found
		}
	}
}

func (t *teller) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		if m, ok := t.maker(n.Fun); ok && m.format < len(n.Args) {
			t.take(m.prefix, n.Args[m.format:])
		}
	case *ast.CompositeLit:
		if s, ok := n.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "StopError" {
			t.takeLiteral(n)
		}
	}
	return true
}

// takeLiteral takes the sentence of a failure.StopError, unless it is the text of
// another error.
func (t *teller) takeLiteral(n *ast.CompositeLit) {
	for _, e := range n.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok || field.Key.(*ast.Ident).Name != "Sentence" {
			continue
		}
		for _, text := range t.texts(field.Value) {
			t.add(text)
		}
	}
}

// maker says whether a called function makes a Stop.
func (t *teller) maker(fun ast.Expr) (maker, bool) {
	switch f := fun.(type) {
	case *ast.Ident:
		m, ok := t.own[f.Name]
		return m, ok
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "failure" {
			m, ok := makers[f.Sel.Name]
			return m, ok
		}
		m, ok := t.own[f.Sel.Name]
		return m, ok
	}
	return maker{}, false
}

// take takes a format and what it is of. If the format is an argument of the
// function at hand, that one is a maker too.
func (t *teller) take(prefix string, args []ast.Expr) {
	format := args[0]
	if sum, ok := format.(*ast.BinaryExpr); ok {
		if head := t.texts(sum.X); len(head) == 1 {
			if name, ok := sum.Y.(*ast.Ident); ok && t.parameter(name.Name) >= 0 {
				prefix, format = prefix+head[0], name
			}
		}
	}
	if name, ok := format.(*ast.Ident); ok {
		if i := t.parameter(name.Name); i >= 0 {
			t.own[t.inside.Name.Name] = maker{format: i, prefix: prefix}
			return
		}
	}
	for _, text := range t.texts(format) {
		if empty(spell(text)) && len(args) == 2 { // "%s", sentence
			for _, whole := range t.texts(args[1]) {
				t.add(prefix + whole)
			}
			continue
		}
		t.add(prefix + text)
	}
}

// parameter returns the index of a parameter of the function at hand, or -1.
func (t *teller) parameter(name string) int {
	if t.inside == nil {
		return -1
	}
	i := 0
	for _, field := range t.inside.Type.Params.List {
		for _, n := range field.Names {
			if n.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

// texts returns what an expression may be: what it is put together from, or what
// its name was given. What can't be told is a verb.
func (t *teller) texts(e ast.Expr) []string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return []string{text}
		}
	case *ast.BinaryExpr:
		return []string{t.fixed(e.X) + t.fixed(e.Y)}
	case *ast.Ident:
		if given := t.given(e.Name); len(given) > 0 {
			return given
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			return t.texts(e.Args[0])
		}
		if got := t.returned(e, 0); len(got) > 0 {
			return got
		}
	}
	return []string{"%s"}
}

// fixed returns an operand of a sum: what is no constant varies.
func (t *teller) fixed(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BinaryExpr, *ast.BasicLit:
		return t.texts(e)[0]
	case *ast.Ident:
		if c := t.constant(e.Name); len(c) == 1 {
			return c[0]
		}
	}
	return "%s"
}

// given returns the texts that a name is given in the function at hand, or as a
// constant of the package.
func (t *teller) given(name string) []string {
	if t.inside == nil {
		return t.constant(name)
	}
	var all []string
	take := func(names []ast.Expr, values []ast.Expr) {
		for i, n := range names {
			id, ok := n.(*ast.Ident)
			switch {
			case !ok || id.Name != name:
			case len(values) == len(names):
				all = append(all, t.texts(values[i])...)
			case len(values) == 1:
				all = append(all, t.returned(values[0], i)...) // one call
			}
		}
	}
	ast.Inspect(t.inside, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			take(n.Lhs, n.Rhs)
		case *ast.ValueSpec:
			names := make([]ast.Expr, len(n.Names))
			for i, id := range n.Names {
				names[i] = id
			}
			take(names, n.Values)
		}
		return true
	})
	if len(all) == 0 {
		return t.constant(name)
	}
	return all
}

// constant returns the text of a constant of the package, if it is one.
func (t *teller) constant(name string) []string {
	for _, f := range t.files {
		for _, d := range f.syntax.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				if i := slices.IndexFunc(v.Names, func(n *ast.Ident) bool { return n.Name == name }); i >= 0 && i < len(v.Values) {
					return t.texts(v.Values[i])
				}
			}
		}
	}
	return nil
}

// returned returns the texts that a function of the package returns as its i-th
// result.
func (t *teller) returned(e ast.Expr, i int) []string {
	call, ok := e.(*ast.CallExpr)
	if !ok || t.depth > 3 {
		return nil
	}
	t.depth++
	defer func() { t.depth-- }()
	called := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		called = f.Name
	case *ast.SelectorExpr:
		called = f.Sel.Name
	}
	outer := t.inside
	defer func() { t.inside = outer }()
	var all []string
	for _, f := range t.files {
		for _, d := range f.syntax.Decls {
			g, ok := d.(*ast.FuncDecl)
			if !ok || g.Name.Name != called || g == outer {
				continue
			}
			t.inside = g
			ast.Inspect(g, func(n ast.Node) bool {
				if r, ok := n.(*ast.ReturnStmt); ok && i < len(r.Results) {
					all = append(all, t.texts(r.Results[i])...)
				}
				return true
			})
		}
	}
	return all
}

var verb = regexp.MustCompile(`%%|%[-+# 0]*[0-9*]*(\.[0-9]+)?[a-zA-Z]`)

// several is of things that vary one behind the other, as in %s.%s: to who reads
// a sentence they are one.
var several = regexp.MustCompile(`…(?:[.: ]?…)+`)

// add keeps a sentence, unless all of it is what varies.
func (t *teller) add(format string) {
	if text := spell(format); !empty(text) {
		t.found = append(t.found, sentence{text: text, where: t.file.path})
	}
}

// spell returns a format with … for what varies.
func spell(format string) string {
	text := verb.ReplaceAllStringFunc(format, func(v string) string {
		if v == "%%" {
			return "%"
		}
		return "…"
	})
	return several.ReplaceAllString(text, "…")
}

// empty reports whether all of a text is what varies.
func empty(text string) bool { return strings.Trim(text, "… .:,;()\"'") == "" }

func TestSentencesAreFoundHoweverTheyAreMade(t *testing.T) {
	for _, c := range []struct {
		name, code string
		want       []string
	}{
		{"a format", `func f() error { return failure.Stop("do it", "slot %q is %d%% full", a, b) }`, []string{"slot … is …% full"}},
		{"one with a cause", `func f() error { return failure.StopFrom(err, "", "it can't be read") }`, []string{"it can't be read"}},
		{"one of another instance", `func f() error { return failure.Fenced("", "it is held by %s", who) }`, []string{"it is held by …"}},
		{"a mistake in the configuration is none", `func f() error { return failure.Usage("", "no such key") }`, nil},
		{"a sum", `func f() error { return failure.Stop("", "topic "+name+" is gone") }`, []string{"topic … is gone"}},
		{"a constant", `const gone = "it is gone"; func f() error { return failure.Stop("", gone) }`, []string{"it is gone"}},
		{"a variable", `func f() error { s := "one"; if x { s = "two" }; return failure.Stop("", s) }`, []string{"one", "two"}},
		{"what another function returns", `
			func g() (string, int) { if x { return "", 0 }; return "it is foreign", 1 }
			func f() error { s, n := g(); return failure.Stop("", "%s", s) }`, []string{"it is foreign"}},
		{"what another function puts together", `
			func g() string { return fmt.Sprintf("it has %d", n) }
			func f() error { if s := g(); s != "" { return failure.Stop("", "%s", s) }; return nil }`, []string{"it has …"}},
		{"a function that hands on its format", `
			func lost(hint, format string, args ...any) error { return failure.StopFrom(err, hint, format, args...) }
			func f() error { return lost("", "%s is lost", x) }`, []string{"… is lost"}},
		{"a method that hands it on to such a one", `
			func (c *c) a(format string) { c.b(1, format) }
			func (c *c) b(n int, format string) { c.errs = append(c.errs, failure.Stop("", "table: "+format)) }
			func (c *c) f() { c.a("no key") }`, []string{"table: no key"}},
		{"a value of the type", `var errDrain = &failure.StopError{Sentence: "too late", Code: 5}`, []string{"too late"}},
		{"nothing but what varies is none", `func f() error { return failure.Stop("", "%s: %w", x, err) }`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			syntax, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+c.code, 0)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range stops([]source{{path: "x.go", folder: "x", syntax: syntax}}) {
				got = append(got, s.text)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) || len(got) != len(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
