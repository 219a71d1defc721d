package main_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A finding is one of check's.
type finding struct{ Part, Level, What, Fix string }

// check runs `tailrace check` with the site's configuration, which must change
// nothing, end with the given code and say by that whether it found errors.
func (s *site) check(t *testing.T, code int, args ...string) []finding {
	t.Helper()
	folder := s.files(t)
	found := s.checkBeside(t, code, args...)
	if got := s.files(t); got != folder {
		t.Errorf("check changed the files:\n got %s\nwant %s", got, folder)
	}
	return found
}

// checkBeside is check while a daemon changes the site's files.
func (s *site) checkBeside(t *testing.T, code int, args ...string) []finding {
	t.Helper()
	s.env["TAILRACE_ADMIN"] = "off"
	p := s.start(t, append([]string{"check", "-c", "testdata/" + s.config, "-o", "json"}, args...)...)
	p.exits(t, code)
	if got := p.stderr.String(); got != "" {
		t.Errorf("stderr: got %q, want nothing", got)
	}
	if text := p.stdout.String(); strings.Contains(text, rowValue) {
		t.Errorf("stdout shows %s", rowValue)
	}
	var answer struct {
		Ready    bool
		Findings []finding
	}
	if err := json.Unmarshal([]byte(p.stdout.String()), &answer); err != nil {
		t.Fatalf("stdout is not JSON: %v: %.300s", err, p.stdout.String())
	}
	errors := slices.ContainsFunc(answer.Findings, func(f finding) bool { return f.Level == "error" })
	if answer.Ready == errors || answer.Ready != (code == 0) {
		t.Errorf("ready is %v, exit code %d, and it found %+v", answer.Ready, code, answer.Findings)
	}
	return answer.Findings
}

// files describes all there is in the site's folder.
func (s *site) files(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(s.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			fmt.Fprintf(&b, "%s %v\n", path, info.Mode())
			return nil
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %v %q\n", path, info.Mode(), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wantFindings fails unless got has an error for each of want, part and beginning
// of the sentence, with a fix that holds what belongs to it, and no other error.
func wantFindings(t *testing.T, got []finding, want [][3]string) {
	t.Helper()
	used := make(map[int]bool)
	for _, w := range want {
		i := slices.IndexFunc(got, func(f finding) bool {
			return f.Level == "error" && f.Part == w[0] && strings.HasPrefix(f.What, w[1]) && strings.Contains(f.Fix, w[2])
		})
		if i < 0 {
			t.Errorf("no finding %q", w)
		}
		used[i] = true
	}
	for i, f := range got {
		if f.Level == "error" && !used[i] {
			t.Errorf("found besides: %+v", f)
		}
	}
	if t.Failed() {
		t.Logf("found: %+v", got)
	}
}

// warnings returns what was found that is no error.
func warnings(all []finding) []finding {
	return slices.DeleteFunc(slices.Clone(all), func(f finding) bool { return f.Level == "error" })
}

// readOnly makes dir a disk that can't be written to.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	mount(t, dir, "64k")
	if err := syscall.Mount("tailrace", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}

func TestCheckNamesEverythingThatIsWrongWithAPostgresAtOnce(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		db := servers.NewPostgres(t, version, map[string]string{"wal_level": "replica"}).Database(t)
		s := newSite(t, db)
		k := newKafkaSite(t, s, s.source(), "public", nil)
		s.env["CREATE"] = "false"
		s.env["TAILRACE_TABLES"] = "public.*,public.missing"
		db.Exec(t, "ALTER ROLE "+s.user+" NOREPLICATION")
		db.Exec(t, "CREATE TABLE notes (note text); CREATE TABLE others (id int PRIMARY KEY)")
		db.Exec(t, fmt.Sprintf("REVOKE CREATE ON DATABASE %s FROM %s", db.Name, s.user))
		readOnly(t, s.folder)
		before, topics := s.made(t), k.topics(t)
		got := s.check(t, 1)
		wantFindings(t, got, [][3]string{
			{"source", "wal_level is replica", "ALTER SYSTEM SET wal_level = logical"},
			{"source", "role " + s.user + " may not replicate", `run: ALTER ROLE "` + s.user + `" REPLICATION`},
			{"source", "there is no table public.missing", "check the name"},
			{"source", "without a replica identity", `ALTER TABLE "public"."notes" REPLICA IDENTITY FULL`},
			{"source", "role " + s.user + " may not create publication " + s.slot, "CREATE PUBLICATION"},
			{"source", "role " + s.user + " may not create publication " + s.slot + "_inserts", "CREATE PUBLICATION"},
			{"sink", "4 topics are missing: ", "publish.create_topics"},
			{"checkpoint", "the checkpoint can't be kept in " + s.folder, "must be writable"},
		})
		if got := s.made(t); got != before {
			t.Errorf("slots and publications: got %s, want %s as before", got, before)
		}
		if got := k.topics(t); !slices.Equal(got, topics) {
			t.Errorf("topics: got %q, want %q as before", got, topics)
		}
	})
}

// topics returns the names of the site's topics and where each ends.
func (k *kafkaSite) topics(t *testing.T) []string {
	t.Helper()
	admin := k.cluster.Admin(t)
	all, err := admin.ListTopicsWithInternal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range all.Names() {
		if !strings.HasPrefix(name, k.cluster.Prefix) {
			continue
		}
		ends, err := admin.ListEndOffsets(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, fmt.Sprint(name, ends.Offsets()))
	}
	return found
}

func TestCheckNamesEverythingThatIsWrongWithAMySQLAtOnce(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		settings := map[string]string{"log-bin": "", "skip-log-bin": "ON", "gtid-mode": "", "enforce-gtid-consistency": "", "binlog-format": "STATEMENT"}
		want := [][3]string{
			{"source", "log_bin is OFF", "start the server with log_bin"},
			{"source", "binlog_format is STATEMENT", "binlog_format = 'ROW'"},
			{"sink", "events can't be published to ", "a folder that can be written to"},
			{"checkpoint", "the checkpoint can't be kept in ", "must be writable"},
		}
		if !product.MariaDB() {
			settings["binlog-row-value-options"] = "PARTIAL_JSON"
			want = append(want, [3]string{"source", "binlog_row_value_options is PARTIAL_JSON", "SET PERSIST binlog_row_value_options = ''"})
		}
		s := newMySQLSite(t, servers.NewMySQL(t, product, settings).Database(t))
		s.user = s.db.User(t, password, "SELECT ON {db}.orders")
		s.env["DB_USER"] = s.user
		s.env["TAILRACE_TABLES"] = "orders,missing"
		want = append(
			want,
			[3]string{"source", "the user '" + s.user + "'@'%' may not ask for the binlog's state", "run: GRANT REPLICATION CLIENT ON *.* TO '" + s.user + "'@'%'"},
			[3]string{"source", "the user '" + s.user + "'@'%' may not read the binlog", "run: GRANT REPLICATION SLAVE ON *.* TO '" + s.user + "'@'%'"},
			[3]string{"source", "there is no table " + s.db.Name + ".missing", "GRANT SELECT ON"},
		)
		readOnly(t, s.folder)
		wantFindings(t, s.check(t, 1, "--from", "now"), want)
	})
}
