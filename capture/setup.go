package capture

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/failure"
)

// A Setup makes a server ready for a pipeline, as a person who may: it knows the
// statements, and the settings that no statement changes. One goroutine at a time
// uses it.
type Setup interface {
	// Plan says what the pipeline needs. It changes nothing. Where nobody's login
	// was given it connects nowhere and says what a new server needs; the error is
	// of the class Usage then if only the server can tell.
	Plan(ctx context.Context) (Plan, error)

	// Removal says what the server has for this pipeline and nobody else: what
	// holds its log. The error is of the code Fenced while somebody reads it, and
	// of the class Usage if there is such and nobody's login was given.
	Removal(ctx context.Context) (Plan, error)

	// Run runs step i of the last Plan or Removal, with the password in its place.
	// It waits for what the server waits for, until ctx ends.
	Run(ctx context.Context, i int) error

	// Close ends the connection, if there is one.
	Close() error
}

// OrSetup ends the hint of a source that was refused the login.
const OrSetup = "; or let tailrace setup make it, if it is not there"

// AsError returns an error about the URL of who runs a Setup: what reads URLs and
// connects speaks of the source's.
func AsError(err error) error {
	var stop *failure.StopError
	if !errors.As(err, &stop) {
		return err
	}
	theirs := *stop
	theirs.Sentence = strings.ReplaceAll(theirs.Sentence, "the source URL", "--as")
	theirs.Hint = strings.ReplaceAll(strings.TrimSuffix(theirs.Hint, OrSetup), "the source URL", "--as")
	return &theirs
}

// Placeholder stands in printed statements where a password belongs. It is no
// SQL, so that a statement that is run as it stands is refused and makes no user
// with a password that everybody knows.
const Placeholder = "<password>"

// A Plan is what a server needs.
type Plan struct {
	Server   string // what was met, as PostgreSQL 18.1 on host:port; "" if nobody was asked
	As       string // who asked, and would run the steps
	Flavor   Flavor
	Settings []Setting
	Steps    []Step
	Notes    []string // sentences that belong to all of it
}

// A Setting is something of the server that a person must look after.
type Setting struct {
	What   string // wal_level is replica, and must be logical
	How    string // what to do, in the words of the flavor
	Blocks bool   // the server was asked, and the steps are of no use without
}

// A Step is one statement.
type Step struct {
	Why  string // a sentence, or "" where the one before says it
	SQL  string // without the semicolon, and with Placeholder for a password
	Done bool   // the server has it already
}

// Blocked returns the settings without which no step is of use.
func (p Plan) Blocked() []Setting {
	return slices.DeleteFunc(slices.Clone(p.Settings), func(s Setting) bool { return !s.Blocks })
}

// A Flavor is by whom a server is run: it decides what may be set in which way.
type Flavor string

// The flavors.
const (
	Auto     Flavor = "auto" // as the server says, or else its name
	Plain    Flavor = "plain"
	RDS      Flavor = "rds"
	Aurora   Flavor = "aurora"
	CloudSQL Flavor = "cloudsql"
	Azure    Flavor = "azure"
)

// Flavors returns every Flavor.
func Flavors() []Flavor { return []Flavor{Auto, Plain, RDS, Aurora, CloudSQL, Azure} }

// Managed reports whether nobody but the provider may change settings by SQL.
func (f Flavor) Managed() bool { return f != Plain }

// FlavorOf guesses from the name of a host. Cloud SQL has none: it is Plain
// until the server is asked.
func FlavorOf(host string) Flavor {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	amazon := strings.HasSuffix(host, ".rds.amazonaws.com") || strings.HasSuffix(host, ".rds.amazonaws.com.cn")
	switch {
	case amazon && strings.Contains(host, ".cluster-"):
		return Aurora
	case amazon:
		return RDS
	case strings.HasSuffix(host, ".database.azure.com"):
		return Azure
	}
	return Plain
}
