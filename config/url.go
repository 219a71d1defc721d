package config

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const wantSource = "expected postgres://user:password@host:5432/database, mysql://user:password@host:3306/ or mariadb://…, where a password's characters other than letters, " +
	"digits and - . _ ~ are percent-encoded (as a ${env:NAME} reference is by itself)"

var parameterName = regexp.MustCompile(`^[A-Za-z0-9_.]+$`)

// KindOf returns the kind of source that a URL names by its scheme, as in
// Source.Kind, and "" for a URL of something else.
func KindOf(url string) string {
	switch scheme, _, _ := strings.Cut(strings.ToLower(url), ":"); scheme {
	case "postgres", "postgresql":
		return SourcePostgres
	case SourceMySQL, SourceMariaDB:
		return scheme
	}
	return ""
}

// parseSource reads the URL of a source. Its errors quote nothing of the URL,
// since a password that is not encoded can turn up in any part of it; for the
// same reason it refuses what a split password would leave behind (a path of
// several parts, an @ out of place, a fragment).
func parseSource(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New(wantSource)
	}
	postgres := KindOf(text) == SourcePostgres
	if KindOf(text) == "" {
		return nil, errors.New(wantSource)
	}
	if u.Opaque != "" || strings.ContainsAny(text, "#") || strings.ContainsAny(u.Path, "@\x00") {
		return nil, errors.New(wantSource)
	}
	database := strings.TrimPrefix(u.EscapedPath(), "/")
	if database == "" && postgres {
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
	if !postgres {
		return u, checkMySQL(u, query)
	}
	return u, nil
}

// The parameters of a MySQL URL. Those of a Postgres URL are libpq's.
var (
	mysqlParameters = []string{"tls", "tls_ca", "tls_cert", "tls_key", "socket", "connect_timeout"}
	tlsModes        = []string{"disable", "require", "verify-ca", "verify-full"}
)

func checkMySQL(u *url.URL, query url.Values) error {
	if u.Hostname() == "" && query.Get("socket") == "" {
		return errors.New("it names no host; " + wantSource)
	}
	for name, given := range query {
		if !slices.Contains(mysqlParameters, name) || len(given) != 1 || given[0] == "" {
			return errors.New("its parameters are " + list(mysqlParameters, "and") + ", each with one value")
		}
	}
	if mode := query.Get("tls"); mode != "" && !slices.Contains(tlsModes, mode) {
		return errors.New("its parameter tls: expected " + list(tlsModes, "or"))
	}
	if limit := query.Get("connect_timeout"); limit != "" {
		if seconds, err := strconv.ParseUint(limit, 10, 16); err != nil || seconds < 1 || seconds > 3600 {
			return errors.New("its parameter connect_timeout: expected seconds, from 1 to 3600")
		}
	}
	if (query.Get("tls_cert") == "") != (query.Get("tls_key") == "") {
		return errors.New("its parameters tls_cert and tls_key belong together")
	}
	return nil
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
