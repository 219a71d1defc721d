package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 256 << 10

var keyWord = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// A value is what was said for a setting, or one item of it, and where.
type value struct {
	text  string // references not yet replaced
	place place
}

// A fileReader turns a YAML document into values by key. A key whose value has
// the wrong type has none.
type fileReader struct {
	path     string
	settings []Setting
	problems *problems

	values  map[string][]value
	partial bool // part of the file can't be understood, so what is not in values may be in it
}

// read reads the file at path. What is wrong with its contents goes to
// problems; the error is for a file that can't be read at all.
func (r *fileReader) read() error {
	text, err := readAll(r.path)
	if err != nil {
		return fmt.Errorf("read configuration %s: %w", r.path, withoutPath(err))
	}
	r.values = map[string][]value{}
	if !utf8.Valid(text) {
		r.misread(place{origin: r.path}, "the file is not UTF-8 text")
		return nil
	}
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	seen := false
	for _, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.NullNode, *ast.CommentGroupNode:
		case *ast.MappingNode:
			if seen {
				r.misread(r.at(body), "a second document: the file must hold one")
				return nil
			}
			seen = true
			r.section("", body)
		default:
			r.misread(r.at(body), "expected keys and values, got %s", describe(body))
		}
	}
	return nil
}

// misread reports a part of the file that can't be understood.
func (r *fileReader) misread(at place, format string, args ...any) {
	r.partial = true
	r.problems.add(at, "", format, args...)
}

func readAll(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("it is larger than 256KiB")
	}
	return text, err
}

// syntax reports an error of the parser without its excerpt of the file, which
// may show a secret.
func (r *fileReader) syntax(err error) {
	var detail yaml.Error
	if !errors.As(err, &detail) {
		r.misread(place{origin: r.path}, "the file is not YAML")
		return
	}
	at := place{origin: r.path}
	if t := detail.GetToken(); t != nil && t.Position != nil {
		at.line, at.column = t.Position.Line, t.Position.Column
	}
	r.misread(at, "the file is not YAML: %s", detail.GetMessage())
}

func (r *fileReader) section(prefix string, m *ast.MappingNode) {
	first := map[string]place{}
	for _, entry := range m.Values {
		word, at := entry.Key.GetToken().Value, r.at(entry.Key)
		if _, ok := entry.Key.(*ast.StringNode); !ok || !keyWord.MatchString(word) {
			// What stands here may be a URL that ended up on the wrong side
			// of a colon, so it is not quoted.
			r.misread(at, "a key consists of letters, digits and _; keys are nested, not joined by dots")
			continue
		}
		key := prefix + word
		if before, ok := first[key]; ok {
			r.problems.add(at, "", "%s: given twice; the first is at %d:%d", key, before.line, before.column)
			continue
		}
		first[key] = at
		r.entry(key, at, entry.Value)
	}
}

func (r *fileReader) entry(key string, at place, node ast.Node) {
	switch i := slices.IndexFunc(r.settings, func(s Setting) bool { return s.Key == key }); {
	case i >= 0 && r.settings[i].NoFile:
		r.problems.add(at, "", "%s: the file does not have it, since it is said for one start: give --%s", key, r.settings[i].Flag)
	case i >= 0:
		r.setting(r.settings[i], node)
	case slices.ContainsFunc(r.settings, func(s Setting) bool { return strings.HasPrefix(s.Key, key+".") }):
		if m, ok := node.(*ast.MappingNode); ok {
			r.section(key+".", m)
		} else {
			r.misread(r.at(node), "%s: expected keys and values, got %s", key, describe(node))
		}
	default:
		r.problems.add(at, r.meant(key), "%s: unknown key", key)
	}
}

// meant returns the hint for an unknown key.
func (r *fileReader) meant(key string) string {
	var known []string
	for _, s := range r.settings {
		if s.NoFile {
			continue
		}
		known = append(known, s.Key)
		for i, c := range s.Key {
			if c == '.' && !slices.Contains(known, s.Key[:i]) {
				known = append(known, s.Key[:i])
			}
		}
	}
	if k := suggest(key, known); k != "" {
		return "did you mean " + k + "?"
	}
	return ""
}

func (r *fileReader) setting(s Setting, node ast.Node) {
	r.values[s.Key] = nil
	if !s.List {
		if text, ok := r.scalar(s, node); ok {
			r.values[s.Key] = []value{{text, r.at(node)}}
		}
		return
	}
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		r.problems.add(r.at(node), "", "%s: expected a list such as [public.orders, public.items], got %s", s.Key, describe(node))
		return
	}
	if len(sequence.Values) == 0 {
		r.problems.add(r.at(node), "leave the key out for its default", "%s: the list is empty", s.Key)
	}
	for _, item := range sequence.Values {
		if text, ok := r.scalar(s, item); ok {
			r.values[s.Key] = append(r.values[s.Key], value{text, r.at(item)})
		}
	}
}

// scalar returns the text of a single value if its type in YAML is right.
func (r *fileReader) scalar(s Setting, node ast.Node) (string, bool) {
	hint := ""
	switch n := node.(type) {
	case *ast.StringNode:
		if s.kind != kindBool || hasReference(n.Value) {
			return n.Value, true
		}
	case *ast.LiteralNode:
		if s.kind != kindBool {
			return n.Value.Value, true
		}
	case *ast.IntegerNode:
		if s.kind == kindSize || s.kind == kindNumber {
			return n.GetToken().Value, true
		}
	case *ast.BoolNode:
		if s.kind == kindBool {
			return fmt.Sprint(n.Value), true
		}
	case *ast.NullNode:
		if s.kind == kindTextOrNull && n.GetToken().Type == token.NullType {
			return n.GetToken().Value, true
		}
	case *ast.TagNode, *ast.AliasNode, *ast.AnchorNode:
		r.partial = true // the parser may have taken the lines below for its value
		hint = "text that begins with ! * or & is put in quotes"
	}
	if s.kind == kindText && slices.Contains([]string{"a number", "true or false"}, describe(node)) {
		hint = "text that looks like something else is put in quotes"
	}
	r.problems.add(r.at(node), hint, "%s: expected %v, got %s", s.Key, s.kind, describe(node))
	return "", false
}

// at returns the place of a node. A mapping begins at its first key, where the
// parser gives the colon after it.
func (r *fileReader) at(node ast.Node) place {
	if m, ok := node.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		node = m.Values[0].Key
	}
	at := place{origin: r.path}
	if t := node.GetToken(); t != nil && t.Position != nil {
		at.line, at.column = t.Position.Line, t.Position.Column
	}
	return at
}

// describe names the type of a node without its value.
func describe(node ast.Node) string {
	switch node.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode:
		return "keys and values"
	case *ast.TagNode:
		return "a tag (!)"
	case *ast.AliasNode:
		return "an alias (*)"
	case *ast.AnchorNode:
		return "an anchor (&)"
	default:
		return "something else"
	}
}
