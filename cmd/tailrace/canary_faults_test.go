package main_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A mishap is something that goes wrong at the start of a pipeline, or in the
// middle of its rows.
type mishap struct {
	name    string
	begin   func(t *testing.T, c *canarySite) // before anything
	spoil   func(t *testing.T, c *canarySite) // once the pipeline has a checkpoint, if it gets one
	rows    func(t *testing.T, c *canarySite) // what is done then; nil if it gets no checkpoint
	args    []string                          // of run
	says    string                            // in the log: this is the mishap that was meant
	refused bool                              // by check too
	slow    bool                              // one run is enough
}

// happen has all commands meet the mishap, whose code of exit is that of a Stop.
func (m mishap) happen(t *testing.T, c *canarySite) {
	t.Helper()
	if m.begin != nil {
		m.begin(t, c)
	}
	if m.rows != nil {
		c.configure(t, "environment").tries(t, []string{"run", "--from", "now", "--until", "now"}, 0)
	}
	if m.spoil != nil {
		m.spoil(t, c)
	}
	c.configure(t, "environment")
	if m.rows != nil {
		m.rows(t, c)
	}
	formats := []string{"json", "console"}
	if m.slow {
		formats = formats[:1]
	}
	for _, format := range formats {
		args := append([]string{"run", "--log-level", "debug", "--log-format", format}, m.args...)
		if m.rows == nil {
			args = append(args, "--from", "now")
		}
		p := c.tries(t, args, 4)
		if got := p.stderr.String(); !strings.Contains(strings.ReplaceAll(got, `\"`, `"`), m.says) {
			t.Errorf("the log: got %q, want %q in it", got, m.says)
		}
	}
	for _, args := range [][]string{{"check", "--from", "now"}, {"check", "--from", "now", "-o", "json"}} {
		p := c.tries(t, args, 0, 1)
		if got := p.stdout.String(); m.refused && !strings.Contains(strings.ReplaceAll(got, `\"`, `"`), m.says) {
			t.Errorf("check: got %q, want %q in it", got, m.says)
		}
	}
	c.tries(t, []string{"position"}, 0, 1, 4)
	c.tries(t, []string{"position", "diff"}, 0, 1, 4)
	c.tries(t, []string{"setup"}, 0, 1, 4)
	c.leavings(t)
}

// inTheURL has another password, or parameters, in the URL of the source.
func inTheURL(password, parameters string) func(*testing.T, *canarySite) {
	return func(_ *testing.T, c *canarySite) {
		if password != "" {
			c.from.User = url.UserPassword(c.user, password)
		}
		if parameters != "" {
			c.from.RawQuery = parameters
		}
	}
}

// largeRow has more than --memory 16MiB takes.
func largeRow(t *testing.T, c *canarySite) {
	t.Helper()
	c.exec(t, fmt.Sprintf("INSERT INTO canaries (id, name) VALUES (%s, repeat('%s', 200000))", rowKey, rowText))
}

func someRows(t *testing.T, c *canarySite) { t.Helper(); c.writeRows(t) }

// intoKafka publishes to the shared broker.
func intoKafka(t *testing.T, c *canarySite) { t.Helper(); c.into(t, servers.Kafka(t)) }

func TestNoSecretAndNoValueIsInAnErrorOfPostgres(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{
		{name: "the password is wrong", spoil: inTheURL(otherSecret, ""), says: "the server refused the login", refused: true},
		{
			name:  "the role may not log in",
			spoil: func(t *testing.T, c *canarySite) { c.exec(t, "ALTER ROLE "+c.user+" NOLOGIN") },
			says:  "the server refused the login", refused: true,
		},
		{
			name: "the server takes no such value of a parameter", spoil: inTheURL("", "sslmode=disable&work_mem="+querySecret),
			says: `invalid value for parameter "work_mem"`, refused: true,
		},
		{
			name: "the server takes no such value of an option", spoil: inTheURL("", "sslmode=disable&options=-cwork_mem="+querySecret),
			says: `invalid value for parameter "options"`, refused: true,
		},
		{
			name: "the server knows no such parameter", spoil: inTheURL("", "sslmode=disable&pasword="+querySecret),
			says: `parameter "pasword"`, refused: true,
		},
		{
			name: "the password is one in a parameter, and wrong",
			spoil: func(_ *testing.T, c *canarySite) {
				c.from.User, c.from.RawQuery = url.User(c.user), "sslmode=disable&password="+querySecret
			},
			says: "the server refused the login", refused: true,
		},
		{name: "the server does not speak TLS", spoil: inTheURL("", "sslmode=verify-full"), says: "the server does not speak TLS", refused: true},
		{name: "nobody listens", spoil: func(_ *testing.T, c *canarySite) { c.from.Host = "127.0.0.1:1" }, says: "no connection within", slow: true},
		{name: "a row is too large", rows: largeRow, args: []string{"--memory", "16MiB"}, says: "the server sends a row of "},
		{
			name:  "the folder of events has no room",
			spoil: func(t *testing.T, c *canarySite) { mount(t, c.events(), "256k") }, rows: largeRow, says: "no space left on device",
		},
		{
			name: "the checkpoint can't be written", spoil: func(t *testing.T, c *canarySite) { readOnly(t, c.folder) },
			says: "read-only file system",
		},
		{
			name:  "the checkpoint is damaged",
			spoil: func(t *testing.T, c *canarySite) { c.write(t, c.checkpoint(), "{}") },
			rows:  someRows, says: "checkpoint",
		},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.happen(t, newCanarySite(t, servers.Postgres(t, 18)))
		})
	}
}

// Only a database that takes any bytes has text that is none.
func TestNoValueIsInTheErrorOfATextThatIsNone(t *testing.T) {
	t.Parallel()
	db := servers.NewPostgres(t, 18, nil).Database(t)
	db.Exec(t, "CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
	db.Name = "bytes"
	m := mishap{
		rows: func(t *testing.T, c *canarySite) {
			t.Helper()
			c.exec(t, fmt.Sprintf(`INSERT INTO canaries (id, name) VALUES (%s, E'\xe1\x5a' || '%s')`, rowKey, rowText))
		},
		says: "invalid byte sequence",
	}
	c := newCanarySite(t, db)
	m.happen(t, c)
	t.Cleanup(func() { c.evidence.holdsNone(t, canary{"the bytes of a text", "0xe1"}) })
}

func TestNoSecretAndNoValueIsInAnErrorOfMySQL(t *testing.T) {
	t.Parallel()
	ca := servers.Kafka(t).CA
	for _, m := range []mishap{
		{name: "the password is wrong", spoil: inTheURL(otherSecret, ""), says: "the server refused the login", refused: true},
		{
			name:  "the user is locked",
			spoil: func(t *testing.T, c *canarySite) { c.exec(t, "ALTER USER '"+c.user+"'@'%' ACCOUNT LOCK") },
			says:  "the server refused the login", refused: true,
		},
		{
			name: "nobody trusts the certificate", spoil: inTheURL("", "tls=verify-full&tls_ca="+ca),
			says: "the server", refused: true,
		},
		{
			name: "a column is of a character set that nobody reads",
			rows: func(t *testing.T, c *canarySite) {
				c.exec(t, "ALTER TABLE canaries ADD COLUMN word varchar(100) CHARACTER SET swe7 DEFAULT '"+rowDefault+"'")
				c.exec(t, fmt.Sprintf("INSERT INTO canaries (id, name, word) VALUES (%s, '%s', '%[2]s')", rowKey, rowText))
			},
			says: "the character set swe7 is not known",
		},
		{
			name: "a text has half a character",
			rows: func(t *testing.T, c *canarySite) {
				c.exec(t, "ALTER TABLE canaries ADD COLUMN word varchar(100) CHARACTER SET ucs2")
				half := "00" + strings.Join(strings.Split(fmt.Sprintf("% x", rowText), " "), "00") + "d800"
				c.exec(t, fmt.Sprintf("INSERT INTO canaries (id, name, word) VALUES (%s, '%s', _ucs2 x'%s')", rowKey, rowText, half))
			},
			says: "characters without a UTF-8 form",
		},
		{name: "a row is too large", rows: largeRow, args: []string{"--memory", "16MiB"}, says: "a row event of "},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			eachProduct(t, func(t *testing.T, product local.Product) {
				m.happen(t, newMySQLCanarySite(t, servers.MySQL(t, product)))
			})
		})
	}
}

// A MariaDB does not tell of which database a statement is, so that it stops all
// who read its log.
func TestNoValueIsInTheErrorOfAStatement(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		m := mishap{
			rows: func(t *testing.T, c *canarySite) {
				c.exec(t, "SET SESSION binlog_format = STATEMENT", fmt.Sprintf("INSERT INTO canaries (id, name) VALUES (%s, '%s')", rowKey, rowText))
			},
			says: "changed rows without row events",
		}
		m.happen(t, newMySQLCanarySite(t, servers.NewMySQL(t, product, nil).Database(t)))
	})
}

func TestNoSecretAndNoValueIsInAnErrorOfKafka(t *testing.T) {
	t.Parallel()
	small := func(t *testing.T, c *canarySite) {
		t.Helper()
		intoKafka(t, c)
		c.cluster.CreateTopic(t, c.topic, 1, map[string]string{"max.message.bytes": "1000"})
	}
	for _, m := range []mishap{
		{
			name:  "the password is wrong",
			begin: intoKafka, spoil: func(_ *testing.T, c *canarySite) {
				c.publish = strings.Replace(c.publish, "PASSWORD", quoteYAML(strings.ReplaceAll(otherSecret, "${", "$${")), 1)
			},
			says: "refuses the login of User:", refused: true,
		},
		{
			name:  "nobody trusts the certificate",
			begin: intoKafka, spoil: func(_ *testing.T, c *canarySite) {
				c.publish = strings.Replace(c.publish, c.cluster.CA, "/etc/ssl/certs/ca-certificates.crt", 1)
			},
			says: "is not trusted", refused: true,
		},
		{
			name:  "nobody listens",
			begin: intoKafka, spoil: func(_ *testing.T, c *canarySite) {
				c.publish = strings.Replace(c.publish, c.cluster.SASL, "127.0.0.1:1", 1)
			},
			says: "no connection within", slow: true,
		},
		{
			name:  "the topic is missing",
			begin: intoKafka, spoil: func(_ *testing.T, c *canarySite) {
				c.publish = strings.Replace(c.publish, "create_topics: true", "create_topics: false", 1)
			},
			rows: someRows, says: " is missing",
		},
		{name: "a row is too large for its topic", begin: small, rows: largeRow, says: "larger than"},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.happen(t, newCanarySite(t, servers.Postgres(t, 18)))
		})
	}
}

// The dead letter topic has the event, and nothing else tells of what is in it.
func TestNoValueIsInWhatIsSaidOfADeadLetter(t *testing.T) {
	t.Parallel()
	c := newCanarySite(t, servers.Postgres(t, 18)).into(t, servers.Kafka(t))
	c.cluster.CreateTopic(t, c.topic, 1, map[string]string{"max.message.bytes": "1000"})
	c.cluster.CreateTopic(t, c.letters(), 1, map[string]string{"max.message.bytes": "10000000"})
	c.publish = strings.Replace(c.publish, "{", "{dead_letter: "+c.letters()+", ", 1)
	c.configure(t, "environment").tries(t, []string{"run", "--from", "now", "--until", "now"}, 0)
	largeRow(t, c)
	p := c.tries(t, []string{"run", "--log-level", "debug", "--until", "now"}, 0)
	if got := p.stderr.String(); !strings.Contains(got, "go to the dead letter topic") {
		t.Errorf("the log: got %q, want that a record went to the dead letter topic", got)
	}
	letters := c.cluster.Consume(t, c.letters(), true)
	if len(letters) != 1 || len(letters[0]) != 1 || (canary{"", rowText}).seen(string(letters[0][0].Value)) == "" {
		t.Errorf("got %d dead letters, want the one row", len(letters[0]))
	}
	c.leavings(t)
}

// What can't be a setting is refused without its text, wherever it was given.
func TestNoSecretIsInTheErrorOfASetting(t *testing.T) {
	t.Parallel()
	const right = "postgres://u@127.0.0.1:1/db"
	for _, m := range []struct {
		name string
		env  map[string]string
		args []string
	}{
		{"a password is not encoded", map[string]string{"TAILRACE_SOURCE": "postgres://u:" + sourceSecret + "@127.0.0.1:1/db"}, nil},
		{"a password of MySQL is not encoded", map[string]string{"TAILRACE_SOURCE": "mysql://u:" + sourceSecret + "@127.0.0.1:1/db"}, nil},
		{"a parameter of MySQL is not known", map[string]string{"TAILRACE_SOURCE": "mysql://u@127.0.0.1:1/db?password=" + querySecret}, nil},
		{"TLS is of an unknown kind", map[string]string{"TAILRACE_SOURCE": "postgres://u@127.0.0.1:1/db?sslmode=" + querySecret}, nil},
		{"the time to connect is no number", map[string]string{"TAILRACE_SOURCE": "postgres://u@127.0.0.1:1/db?connect_timeout=" + querySecret}, nil},
		{"the URL of Kafka has a login", map[string]string{"TAILRACE_SOURCE": right, "TAILRACE_PUBLISH": "kafka://u:" + url.QueryEscape(brokerSecret) + "@127.0.0.1:1"}, nil},
		{"the URL of Kafka has a parameter", map[string]string{"TAILRACE_SOURCE": right, "TAILRACE_PUBLISH": "kafka://127.0.0.1:1?password=" + querySecret}, nil},
		{"the URL of a folder has a parameter", map[string]string{"TAILRACE_SOURCE": right, "TAILRACE_PUBLISH": "file:///events?password=" + querySecret}, nil},
		{"the URL of a checkpoint has a login", map[string]string{"TAILRACE_SOURCE": right, "TAILRACE_CHECKPOINT": "postgres://u:" + url.QueryEscape(otherSecret) + "@127.0.0.1:1/db"}, nil},
		{"the URL of the administrator is none", map[string]string{"TAILRACE_SOURCE": right, "TAILRACE_SETUP_URL": "postgres://u:" + adminSecret + "@127.0.0.1:1/db"}, nil},
		{"a password is in a flag", nil, []string{"--source", "postgres://u:" + url.QueryEscape(sourceSecret) + "@127.0.0.1:1/", "--publish", "stdout:"}},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s, e := &site{env: map[string]string{"TAILRACE_PUBLISH": "stdout:", "TAILRACE_CHECKPOINT": "file://" + t.TempDir() + "/c.json"}}, evidence{}
			maps.Copy(s.env, m.env)
			of := []string{"run", "check", "position", "setup"}
			if m.env["TAILRACE_SETUP_URL"] != "" {
				of = []string{"setup"}
			}
			for _, command := range of {
				p := s.start(t, append([]string{command}, m.args...)...)
				if p.wait(t) != 1 {
					t.Errorf("%s: exit code %d, want 1: %s", command, p.cmd.ProcessState.ExitCode(), p.stderr.String())
				}
				e.output(command, p)
				if p.stderr.String()+p.stdout.String() == "" {
					t.Errorf("%s says nothing", command)
				}
			}
			e.holdsNone(t, secrets()...)
		})
	}
}
