package postgres_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestTheServerNeverGetsThePassword(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, map[string]string{"log_statement": "all"})
		n := newNewcomer(t, server.Database(t))
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
		applySetup(t, n.setup(t, n.URL()))
		n.cfg.URL = n.URLAs(n.role()+"_beyond", "canäry東京🙂")
		applySetup(t, n.setup(t, n.URL()))
		log, err := os.ReadFile(filepath.Join(filepath.Dir(server.DataDir), "log"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(log), `CREATE ROLE "`+n.role()+`"`) {
			t.Fatal("the server's log does not hold the statement, so that it proves nothing")
		}
		for _, form := range []string{newPassword, strings.ReplaceAll(newPassword, "'", "''"), `ary\password`, "canäry", "東京", "🙂"} {
			if strings.Contains(string(log), form) {
				t.Errorf("the server's log holds %q of the password", form)
			}
		}
	})
}

func TestThePasswordLogsIn(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		for _, password := range []string{"plain", newPassword, "pass wörd 東京", "🙂", "a\u00a0b", "e\u0301", "🙂 e\u0301\u00a0", "ﬁ Ａ½", "soft\u00adhyphen", "שלום1", "tab\tbed", "\u0221\u00a0"} {
			t.Run(password, func(t *testing.T) {
				n := newNewcomer(t, servers.Postgres(t, version))
				n.cfg.URL = n.URLAs(n.role(), password)
				n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
				applySetup(t, n.setup(t, n.URL()))
				if err := n.check(t); err != nil {
					t.Errorf("check of what was set up: %v", err)
				}
			})
		}
	})
}

func TestTheVerifierIsThatOfTheServer(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := servers.Postgres(t, version)
		role := d.Name + "_kept" // goes with the database
		d.Exec(t, "CREATE ROLE "+role)
		for _, password := range []string{"pencil", "pass wörd 東京", "🙂 e\u0301\u00a0", "a\u00a0b", "e\u0301", "tab\tbed"} {
			d.Exec(t, "ALTER ROLE "+role+" PASSWORD "+quote.PostgresLiteral(password))
			kept := d.One(t, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", role)
			_, salt, _ := strings.Cut(kept[:strings.LastIndex(kept, "$")], ":")
			bytes, err := base64.StdEncoding.DecodeString(salt)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := postgres.Verifier(password, bytes); err != nil || got != kept {
				t.Errorf("verifier of %q: %s, %v, want %s", password, got, err, kept)
			}
		}
	})
}
