package config

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/internal/failure"
)

// An Override is a flag as it was given. A repeated flag is several of them.
type Override struct {
	Key    string // of the Setting
	Value  string
	Origin string // the flag as people write it: --source
}

// Load makes the configuration of a pipeline. A flag wins over the environment,
// which wins over the file at path (none if path is ""), which wins over the
// default; a variable that is set to nothing counts as not set. The file is
// checked whole; what a winner hides is not looked at further, so that a
// reference in it need not be resolvable.
//
// The error joins one error of class Usage (exit code 1) for each problem, and
// shows no secret and no text that a reference was replaced by. Load is called
// once, before anything else is started, and reads nothing but that file and
// those that ${file:…} references name. An Override of a key that is not in
// Settings is a bug of the caller and panics.
func Load(path string, lookupEnv func(string) (string, bool), flags []Override) (Config, error) {
	l := loader{config: constants(), lookupEnv: lookupEnv, refused: map[string]bool{}, given: map[string]place{}}
	settings := Settings()
	file := fileReader{path: path, settings: settings, problems: &l.problems}
	if path != "" {
		if err := file.read(); err != nil {
			return Config{}, &failure.StopError{Sentence: err.Error(), Code: failure.ExitUsage}
		}
	}
	given := overrides(settings, flags)
	for _, s := range settings {
		switch variable, ok := l.variable(s.Env); {
		case len(given[s.Key]) > 0:
			l.apply(s, given[s.Key])
		case ok && s.List:
			var items []value
			for item := range strings.SplitSeq(variable, ",") {
				items = append(items, value{strings.TrimSpace(item), place{origin: s.Env}})
			}
			l.apply(s, items)
		case ok:
			l.apply(s, []value{{variable, place{origin: s.Env}}})
		default:
			l.apply(s, file.values[s.Key])
		}
	}
	l.refuseForeign(settings)
	l.checkSinks(settings)
	if !file.partial {
		l.require(&file)
	}
	if err := l.problems.err(); err != nil {
		return Config{}, err
	}
	l.config.derive()
	return l.config, nil
}

// overrides groups flags by key. The last of a flag that has one value counts.
func overrides(settings []Setting, flags []Override) map[string][]value {
	lists := map[string]bool{}
	for _, s := range settings {
		lists[s.Key] = s.List
	}
	given := map[string][]value{}
	for _, f := range flags {
		isList, known := lists[f.Key]
		if !known {
			panic("config: no setting has the key " + f.Key)
		}
		v := value{f.Value, place{origin: f.Origin}}
		if isList {
			given[f.Key] = append(given[f.Key], v)
		} else {
			given[f.Key] = []value{v}
		}
	}
	return given
}

// A loader is one run of Load.
type loader struct {
	config    Config
	lookupEnv func(string) (string, bool)
	problems  problems
	refused   map[string]bool  // keys whose value was given and not taken
	given     map[string]place // where a key's value was given first
}

func (l *loader) variable(name string) (string, bool) {
	if name == "" {
		return "", false
	}
	text, ok := l.lookupEnv(name)
	return text, ok && text != ""
}

// apply replaces the references of a setting's values and stores them.
func (l *loader) apply(s Setting, values []value) {
	for _, v := range values {
		if _, ok := l.given[s.Key]; !ok {
			l.given[s.Key] = v.place
		}
		text, errs := v.text, []error(nil)
		if hasReference(v.text) {
			text, errs = expand(v.text, s.kind == kindURL, l.lookupEnv)
		}
		if len(errs) == 0 {
			if err := s.set(&l.config, text); err != nil {
				errs = []error{err}
			}
		}
		for _, err := range errs {
			l.refuse(s, v, err)
		}
		if s.Key == "source.url" && strings.HasPrefix(v.place.origin, "--") && v.place.line == 0 {
			l.warnOfPassword(v)
		}
	}
}

func (l *loader) refuse(s Setting, v value, err error) {
	l.refused[s.Key] = true
	switch shown := show(s, v.text); {
	case shown != "" && s.NoFile: // where it stands is its name
		l.problems.add(v.place, "", "%s: %v", shown, err)
	case shown != "":
		l.problems.add(v.place, "", "%s: %s: %v", s.Key, shown, err)
	default:
		l.problems.add(v.place, "", "%s: %v", s.Key, err)
	}
}

// show quotes a value as it was written, for an error, or returns "" for one
// that may hold a secret.
func show(s Setting, text string) string {
	if s.Secret || s.kind == kindURL && strings.ContainsAny(text, "@?") {
		return ""
	}
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:60]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// warnOfPassword notes a password that stands in the flag itself.
func (l *loader) warnOfPassword(v value) {
	if u, err := parseSource(v.text); err == nil && hasPassword(u) && !hasReference(v.text) {
		l.config.Warnings = append(l.config.Warnings, v.place.origin+" holds a password, which the process list shows: "+
			"put the URL into TAILRACE_SOURCE, or write ${env:NAME} or ${file:/path} in place of the password")
	}
}

// refuseForeign reports what was given and belongs to another kind of source
// than the URL names: it would have no effect, and somebody means it to have one.
func (l *loader) refuseForeign(settings []Setting) {
	kind := l.config.Source.Kind
	if kind == "" {
		return
	}
	names := map[string]string{SourcePostgres: "a Postgres", SourceMySQL: "a MySQL or MariaDB"}
	for _, s := range settings {
		at, ok := l.given[s.Key]
		if ok && s.source != "" && (s.source == SourcePostgres) != (kind == SourcePostgres) {
			l.problems.add(at, "leave it out", "%s: only %s source has it, and source.url names a %s: one", s.Key, names[s.source], kind)
		}
	}
}

// require reports what has no default and was not given. A key of the file
// whose value has the wrong type is in its values all the same.
func (l *loader) require(file *fileReader) {
	for _, s := range file.settings {
		missing := s.Key == "source.url" && l.config.Source.URL.IsZero() || s.Key == "publish.url" && l.config.Publish.URL == ""
		if _, said := file.values[s.Key]; missing && !said && !l.refused[s.Key] {
			l.problems.add(place{origin: file.path}, "", "%s: not set; give --%s, %s or the key in the file", s.Key, s.Flag, s.Env)
		}
	}
}
