package main_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A canarySite is a pipeline all of whose secrets and rows are canaries. It
// follows one table, canaries, into files, or into Kafka behind a login.
type canarySite struct {
	*site
	evidence evidence
	exec     func(t *testing.T, sql ...string)
	mysql    bool
	schema   string
	from     url.URL // the source
	admin    string  // URL of who administers the source
	cluster  *servers.KafkaCluster
	kept     string // folder of what holds secrets: the configuration, and what it refers to
	publish  string // the section of the configuration
	saved    string // its checkpoint.url
}

// newCanarySite is a pipeline from Postgres.
func newCanarySite(t *testing.T, db *servers.Database) *canarySite {
	t.Helper()
	s := newSite(t, db)
	c := &canarySite{site: s, schema: "public"}
	c.exec = func(t *testing.T, sql ...string) {
		t.Helper()
		for _, one := range sql {
			db.Exec(t, one)
		}
	}
	c.exec(t,
		"ALTER ROLE "+s.user+" PASSWORD "+quote.PostgresLiteral(sourceSecret),
		"CREATE TABLE canaries (id bigint PRIMARY KEY, name text, amount numeric(30, 6), doc jsonb, raw bytea)",
		"ALTER TABLE canaries OWNER TO "+s.user)
	return c.begin(t, db.URLAs(s.user, sourceSecret), db.URLAs("postgres", adminSecret)) // who is let in without one
}

// newMySQLCanarySite is a pipeline from MySQL or MariaDB.
func newMySQLCanarySite(t *testing.T, db *servers.MySQLDatabase) *canarySite {
	t.Helper()
	s := newMySQLSite(t, db)
	admin := db.User(t, adminSecret)
	c := &canarySite{site: s.site, schema: db.Name, mysql: true}
	c.exec = func(t *testing.T, sql ...string) { t.Helper(); db.Exec(t, sql...) }
	c.exec(t,
		"ALTER USER '"+s.user+"'@'%' IDENTIFIED BY "+quote.MySQLLiteral(sourceSecret),
		"GRANT ALL ON *.* TO '"+admin+"'@'%' WITH GRANT OPTION",
		"CREATE TABLE canaries (id bigint PRIMARY KEY, name mediumtext, amount decimal(30, 6), doc json, raw varbinary(100))")
	return c.begin(t, db.URLAs(s.user, sourceSecret), db.URLAs(admin, adminSecret))
}

func (c *canarySite) begin(t *testing.T, source, admin string) *canarySite {
	t.Helper()
	from, err := url.Parse(source)
	if err != nil {
		t.Fatal("the URL of the source can't be read")
	}
	c.evidence, c.from, c.admin, c.kept = evidence{}, *from, admin, t.TempDir()
	c.topic = c.name + "." + c.schema + ".canaries"
	c.publish = "{url: file://" + c.events() + "}"
	c.saved = "file://" + c.checkpoint()
	t.Cleanup(func() { c.evidence.holdsNone(t, append(secrets(), rowValues()...)...) })
	return c
}

// into publishes to a cluster as a user of its own.
func (c *canarySite) into(t *testing.T, cluster *servers.KafkaCluster) *canarySite {
	t.Helper()
	c.cluster = cluster
	c.name = cluster.Prefix + c.name
	c.slot, c.topic = "tailrace_"+c.name, c.name+"."+c.schema+".canaries"
	user := c.name + "_user"
	admin := cluster.Admin(t)
	credentials := kadm.UpsertSCRAM{User: user, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: brokerSecret}
	if _, err := admin.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{credentials}); err != nil {
		t.Fatalf("make a user of Kafka: %v", err)
	}
	t.Cleanup(func() {
		client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Plain))
		if err != nil {
			t.Errorf("take a user of Kafka away: %v", err)
			return
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		// A broker that the test has killed has no user either.
		_, _ = kadm.NewClient(client).AlterUserSCRAMs(ctx, []kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha512}}, nil)
	})
	client := cluster.Client(t, kgo.SeedBrokers(cluster.SASL), kgo.DialTLSConfig(&tls.Config{RootCAs: authority(t, cluster.CA)}),
		kgo.SASL(scram.Auth{User: user, Pass: brokerSecret}.AsSha512Mechanism()))
	eventually.NoError(t, patience, "the broker knows the user", func() error { return client.Ping(t.Context()) })
	c.publish = fmt.Sprintf("{url: kafka://%s, create_topics: true, tls: {ca: %s}, sasl: {mechanism: SCRAM-SHA-512, user: %s, password: PASSWORD}}", cluster.SASL, cluster.CA, user)
	return c
}

// authority returns those of a PEM file.
func authority(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(path)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("read the authority in %s: %v", path, err)
	}
	return roots
}

// once has the checkpoint in Kafka.
func (c *canarySite) once() *canarySite {
	c.saved = "kafka:"
	return c
}

// configure writes the configuration, with secrets as they are given: by
// "environment", "file" (by reference) or "configuration" (as they are).
func (c *canarySite) configure(t *testing.T, how string) *canarySite {
	t.Helper()
	// Where they stand as they are, ${ begins no reference.
	source, password := c.from.String(), strings.ReplaceAll(brokerSecret, "${", "$${")
	delete(c.env, "TAILRACE_SOURCE")
	c.env["TAILRACE_SETUP_URL"] = c.admin
	reference := func(name, text string) string {
		path := filepath.Join(c.kept, name)
		c.write(t, path, text+"\n")
		return "${file:" + path + "}"
	}
	switch how {
	case "environment":
		c.env["TAILRACE_SOURCE"], c.env["BROKER_PASSWORD"] = source, brokerSecret
		source, password = "", "${env:BROKER_PASSWORD}"
	case "file":
		secret, _ := c.from.User.Password()
		source = strings.Replace(source, c.from.User.String(), c.from.User.Username()+":"+reference("source", secret), 1)
		password = reference("broker", brokerSecret)
	}
	text := fmt.Sprintf("name: %s\nsource:\n  tables: [%s.canaries]\n  snapshot: never\n", c.name, c.schema)
	if source != "" {
		text += "  url: " + quoteYAML(source) + "\n"
	}
	text += "publish: " + strings.Replace(c.publish, "PASSWORD", quoteYAML(password), 1) + "\n"
	text += "checkpoint: {url: " + quoteYAML(c.saved) + ", interval: 200ms}\n"
	c.write(t, c.file(), text)
	return c
}

func quoteYAML(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func (c *canarySite) file() string { return filepath.Join(c.kept, "tailrace.yaml") }

// starts starts a command with the configuration; what it writes is kept when
// the test ends.
func (c *canarySite) starts(t *testing.T, args ...string) *process {
	t.Helper()
	p := c.start(t, append(args, "-c", c.file())...)
	where := strings.Join(args, " ")
	t.Cleanup(func() {
		<-p.ended
		c.evidence.output(where, p)
	})
	return p
}

// tries runs a command to its end, which must be with one of the codes.
func (c *canarySite) tries(t *testing.T, args []string, codes ...int) *process {
	t.Helper()
	p := c.starts(t, args...)
	if got := p.wait(t); !slices.Contains(codes, got) {
		t.Errorf("tailrace %s: exit code %d, want one of %v\n%s", strings.Join(args, " "), got, codes, p.stderr.String())
	}
	return p
}

var listens = regexp.MustCompile(`serving metrics and health.*"address": ?"([^"]+)"`)

// daemon starts the daemon with its pages, and returns once it follows and where
// the pages are.
func (c *canarySite) daemon(t *testing.T, args ...string) (p *process, address string) {
	t.Helper()
	p = c.starts(t, append([]string{"run", "--admin", "127.0.0.1:0", "--log-level", "debug"}, args...)...)
	eventually.NoError(t, patience, "the daemon follows", func() error {
		select {
		case <-p.ended:
			t.Fatalf("the daemon has ended: %s", p.stderr.String())
		default:
		}
		text := p.stderr.String()
		m := listens.FindStringSubmatch(text)
		if m == nil || !strings.Contains(text, "following") {
			return fmt.Errorf("its log is %q", text)
		}
		address = m[1]
		return nil
	})
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
	if err != nil || !strings.Contains(string(arguments), "--log-level\x00debug") {
		t.Fatalf("the arguments of the daemon: got %q, %v", arguments, err)
	}
	c.evidence.add("the arguments of the daemon", string(arguments))
	return p, address
}

// pages keeps those of a daemon.
func (c *canarySite) pages(t *testing.T, address string) {
	t.Helper()
	for _, path := range []string{"/metrics", "/status", "/livez", "/readyz", "/"} {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // it is read
		if err != nil || len(text) == 0 {
			t.Errorf("%s: got %d bytes, %v", path, len(text), err)
		}
		c.evidence.add(path, fmt.Sprint(response.Header, string(text)))
	}
	for _, args := range [][]string{nil, {"-o", "json"}, {"--live"}} {
		c.tries(t, append([]string{"status", "--admin", address}, args...), 0, 4)
	}
}

// writeRows changes rows in every way there is.
func (c *canarySite) writeRows(t *testing.T) {
	t.Helper()
	raw := "'" + rowBytes + "'"
	if !c.mysql {
		raw = "convert_to(" + raw + ", 'UTF8')"
	}
	insert := func(columns, id string) string {
		return fmt.Sprintf("INSERT INTO canaries (id, name, amount, doc, raw) VALUES (%s, '%s', %s.819281, '%s', %s)", id, rowText, rowNumber, rowJSON, raw)
	}
	c.exec(t,
		insert("", rowKey),
		"UPDATE canaries SET name = concat(name, ' again') WHERE id = "+rowKey,
		"UPDATE canaries SET id = "+rowNewKey+" WHERE id = "+rowKey,
		"ALTER TABLE canaries ADD COLUMN extra varchar(100) DEFAULT '"+rowDefault+"'",
		insert("", rowKey),
		"DELETE FROM canaries WHERE id = "+rowKey,
		"TRUNCATE TABLE canaries",
	)
}

// arrive waits until every value is in the events: what finds them there would
// find them elsewhere.
func (c *canarySite) arrive(t *testing.T) {
	t.Helper()
	eventually.NoError(t, patience, "every canary is in the events", func() error {
		events := c.published(t)
		for _, value := range rowValues() {
			if value.seen(events) == "" {
				return fmt.Errorf("%s is in none of %d bytes", value.what, len(events))
			}
		}
		return nil
	})
}

// published returns the events of the table.
func (c *canarySite) published(t *testing.T) string {
	t.Helper()
	if c.cluster == nil {
		text, err := os.ReadFile(filepath.Join(c.events(), c.topic+".ndjson"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(text)
	}
	topics, err := c.cluster.Admin(t).ListTopics(t.Context(), c.topic)
	if err != nil {
		t.Fatal(err)
	}
	if topics[c.topic].Err != nil {
		return ""
	}
	var all strings.Builder
	for _, partition := range c.cluster.Consume(t, c.topic, true) {
		for _, r := range partition {
			all.Write(r.Key)
			all.Write(r.Value)
			all.WriteByte('\n')
		}
	}
	return all.String()
}

// leavings keeps what is on disk and in Kafka and is no event.
func (c *canarySite) leavings(t *testing.T) {
	t.Helper()
	c.evidence.files(t, c.folder, func(name string) bool { return name == c.topic+".ndjson" })
	if c.cluster == nil {
		return
	}
	topics, err := c.cluster.Admin(t).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics.Names() {
		if !strings.HasPrefix(topic, c.name) {
			continue
		}
		c.evidence.add("the name of a topic", topic)
		for _, partition := range c.cluster.Consume(t, topic, false) {
			for _, r := range partition {
				c.evidence.add("headers in "+topic, fmt.Sprint(r.Headers))
				if topic != c.topic && topic != c.letters() {
					c.evidence.add("a record in "+topic, string(r.Key)+" "+string(r.Value))
				}
			}
		}
	}
}

// letters is the dead letter topic, where a test has one.
func (c *canarySite) letters() string { return c.name + ".dead" }

// everyCanarySite runs a test on Postgres in every way in which secrets are given
// and events published, and on each product of the MySQL family in one of them.
func everyCanarySite(t *testing.T, test func(t *testing.T, c *canarySite, how, format string)) {
	t.Helper()
	ways := []struct {
		how, format string
		into        func(t *testing.T, c *canarySite) *canarySite
	}{
		{"environment", "json", func(_ *testing.T, c *canarySite) *canarySite { return c }},
		{"file", "console", func(t *testing.T, c *canarySite) *canarySite { return c.into(t, servers.Kafka(t)) }},
		{"configuration", "json", func(t *testing.T, c *canarySite) *canarySite { return c.into(t, servers.Kafka(t)).once() }},
	}
	for _, w := range ways {
		t.Run("Postgres and secrets by "+w.how, func(t *testing.T) {
			t.Parallel()
			test(t, w.into(t, newCanarySite(t, servers.Postgres(t, 18))), w.how, w.format)
		})
	}
	eachProduct(t, func(t *testing.T, product local.Product) {
		w := ways[slices.Index(servers.MySQLProducts(), product)%len(ways)]
		test(t, w.into(t, newMySQLCanarySite(t, servers.MySQL(t, product))), w.how, w.format)
	})
}
