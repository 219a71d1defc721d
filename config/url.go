package config

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

const wantSource = "expected postgres://user:password@host:5432/database, where a password's characters other than letters, " +
	"digits and - . _ ~ are percent-encoded (as a ${env:NAME} reference is by itself)"

var parameterName = regexp.MustCompile(`^[A-Za-z0-9_.]+$`)

// parseSource reads the URL of a source. Its errors quote nothing of the URL,
// since a password that is not encoded can turn up in any part of it; for the
// same reason it refuses what a split password would leave behind (a path of
// several parts, an @ out of place, a fragment).
func parseSource(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New(wantSource)
	}
	switch u.Scheme {
	case "postgres", "postgresql":
	case "mysql", "mariadb":
		return nil, errors.New("this version does not have the source \"" + u.Scheme + ":\" yet; it has postgres:")
	default:
		return nil, errors.New(wantSource)
	}
	if u.Opaque != "" || strings.ContainsAny(text, "#") || strings.ContainsAny(u.Path, "@\x00") {
		return nil, errors.New(wantSource)
	}
	database := strings.TrimPrefix(u.EscapedPath(), "/")
	if database == "" {
		return nil, errors.New("it names no database; " + wantSource)
	}
	if strings.Contains(database, "/") {
		return nil, errors.New(wantSource)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New(wantSource)
	}
	for name := range query {
		if !parameterName.MatchString(name) {
			return nil, errors.New(wantSource)
		}
	}
	return u, nil
}

// redactSource returns the URL of a source without its secrets, and <secret>
// for one that parseSource refuses.
func redactSource(text string) string {
	u, err := parseSource(text)
	if err != nil {
		return hidden
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	var kept []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && pair != "" && !secretParameter(name) {
			kept = append(kept, pair)
		}
	}
	u.RawQuery = strings.Join(kept, "&")
	return u.String()
}

// hasPassword reports whether the URL of a source holds a secret.
func hasPassword(u *url.URL) bool {
	if _, ok := u.User.Password(); ok {
		return true
	}
	for name := range u.Query() {
		if secretParameter(name) {
			return true
		}
	}
	return false
}

func secretParameter(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"pass", "secret", "token", "credential"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// filePath returns the path of a file URL: file:///absolute or file:relative,
// percent-decoded. ok is false for another scheme.
func filePath(text string) (path string, ok bool, err error) {
	rest, ok := strings.CutPrefix(text, "file:")
	if !ok {
		return "", false, nil
	}
	if after, slashes := strings.CutPrefix(rest, "//"); slashes {
		if !strings.HasPrefix(after, "/") {
			return "", true, errors.New("an absolute path has three slashes (file:///path) and a relative one none (file:./path)")
		}
		rest = after
	}
	if strings.ContainsAny(rest, "?#") {
		return "", true, errors.New("a file: URL takes no parameters in this version; ? and # in a path are written %3F and %23")
	}
	path, err = url.PathUnescape(rest)
	if err != nil || strings.Contains(path, "\x00") {
		return "", true, errors.New("the path is not percent-encoded rightly: % is written %25")
	}
	if path == "" {
		return "", true, errors.New("it names no path")
	}
	return path, true, nil
}
