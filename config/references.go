package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// maxSecretFile bounds what a ${file:…} reference may read, in bytes.
const maxSecretFile = 64 << 10

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// hasReference reports whether text needs expand.
func hasReference(text string) bool { return strings.Contains(text, "${") }

// expand replaces ${env:NAME} by the variable's value, ${file:/path} by the
// file's text without its last line break, and $${ by ${. In a URL the value is
// percent-encoded for the part that it stands in. Errors name the variable or
// the file and never quote a value.
func expand(text string, isURL bool, lookupEnv func(string) (string, bool)) (string, []error) {
	pieces, err := splitReferences(text)
	if err != nil {
		return "", []error{err}
	}
	var skeleton strings.Builder
	for _, p := range pieces {
		if p.kind == "" {
			skeleton.WriteString(p.text)
		} else {
			skeleton.WriteByte(0)
		}
	}
	var out strings.Builder
	var errs []error
	at := 0
	for _, p := range pieces {
		if p.kind == "" {
			out.WriteString(p.text)
			at += len(p.text)
			continue
		}
		value, err := resolve(p, lookupEnv)
		if err != nil {
			errs = append(errs, err)
		}
		if isURL {
			value = encodeFor(skeleton.String(), at, value)
		}
		out.WriteString(value)
		at++
	}
	return out.String(), errs
}

// A piece is literal text, or a reference if it has a kind.
type piece struct {
	kind string // env, file
	text string // literal text, name of the variable, path
}

func splitReferences(text string) ([]piece, error) {
	var pieces []piece
	for text != "" {
		before, after, found := strings.Cut(text, "${")
		if !found {
			return append(pieces, piece{text: text}), nil
		}
		if strings.HasSuffix(before, "$") {
			pieces = append(pieces, piece{text: before + "{"})
			text = after
			continue
		}
		inside, rest, closed := strings.Cut(after, "}")
		kind, name, _ := strings.Cut(inside, ":")
		if !closed || !(kind == "env" && variableName.MatchString(name) || kind == "file" && filepath.IsAbs(name)) {
			return nil, errors.New("a reference is ${env:NAME} or ${file:/absolute/path}; a ${ that is none is written $${")
		}
		if before != "" {
			pieces = append(pieces, piece{text: before})
		}
		pieces = append(pieces, piece{kind: kind, text: name})
		text = rest
	}
	return pieces, nil
}

func resolve(p piece, lookupEnv func(string) (string, bool)) (string, error) {
	if p.kind == "file" {
		return readSecretFile(p.text)
	}
	value, ok := lookupEnv(p.text)
	if !ok {
		return "", fmt.Errorf("the environment variable %s is not set", p.text)
	}
	if value == "" {
		return "", fmt.Errorf("the environment variable %s is empty", p.text)
	}
	return value, nil
}

// readSecretFile refuses what is no regular file before it opens it: a pipe
// would block the start for ever.
func readSecretFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err == nil && info.Size() > maxSecretFile {
		err = errors.New("it is larger than 64KiB")
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, withoutPath(err))
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, withoutPath(err))
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, withoutPath(err))
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if value == "" {
		return "", fmt.Errorf("read %s: it is empty", path)
	}
	return value, nil
}

// withoutPath returns the reason inside an error of package os, whose own text
// repeats the path.
func withoutPath(err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		return inner.Err
	}
	return err
}

// encodeFor percent-encodes value for the place at in a URL whose references
// are zero bytes: whole in userinfo, query and fragment, except slashes in a
// path, and not at all in the host, which has no encoding, and where the
// reference is the URL or begins it.
func encodeFor(skeleton string, at int, value string) string {
	colon := strings.IndexByte(skeleton, ':')
	if colon < 0 || at < colon || strings.IndexByte(skeleton[:colon], 0) >= 0 {
		return value
	}
	start := colon + 1
	path := start
	if strings.HasPrefix(skeleton[start:], "//") {
		start += 2
		path = len(skeleton)
		if i := strings.IndexAny(skeleton[start:], "/?#"); i >= 0 {
			path = start + i
		}
		if user := strings.LastIndexByte(skeleton[start:path], '@'); user >= 0 && at < start+user {
			return percentEncode(value, "")
		}
		if at < path {
			return value
		}
	}
	if query := strings.IndexAny(skeleton[path:], "?#"); query >= 0 && at > path+query {
		return percentEncode(value, "")
	}
	return percentEncode(value, "/")
}

// percentEncode encodes every byte that is neither unreserved in RFC 3986 nor
// in keep.
func percentEncode(value, keep string) string {
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~"+keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
