package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// says fails unless, after a while, each page of a daemon says what is wrong.
func (p *process) says(t *testing.T, livez, readyz, why, metric string) {
	t.Helper()
	p.answers(t, "/readyz", 503, readyz)
	p.answers(t, "/livez", 200, livez)
	p.answers(t, "/metrics", 200, metric)
	p.answers(t, "/metrics", 200, "\ntailrace_ready 0\n")
	eventually.NoError(t, patience, "/status says so", func() error {
		if r := p.report(t); r.Ready || !r.Live || !strings.Contains(r.Why, why) {
			return fmt.Errorf("got ready %v, live %v, why %q; want it alive, not ready, and to say %q", r.Ready, r.Live, r.Why, why)
		}
		return nil
	})
	asked := (&site{}).status(t, p.admin(t))
	asked.exits(t, 4)
	if got := asked.stderr.String(); !strings.Contains(got, why) {
		t.Errorf("tailrace status: got %q, want it to say %q", got, why)
	}
}

// recovers fails unless a daemon becomes ready again.
func (p *process) recovers(t *testing.T) {
	t.Helper()
	p.answers(t, "/readyz", 200, "ready")
	p.answers(t, "/metrics", 200, "\ntailrace_ready 1\n")
	s := &site{}
	s.status(t, p.admin(t)).exits(t, 0)
}

func TestASinkThatIsFrozenIsToldOfAndWaitedFor(t *testing.T) {
	t.Parallel()
	broker := servers.NewKafka(t, nil)
	s := newSite(t, servers.Postgres(t, 18))
	s.env["TAILRACE_PUBLISH"] = "kafka://" + broker.Plain
	s.config = "kafka.yaml"
	for name, value := range map[string]string{"BROKER": broker.Plain, "CREATE": "true", "INTERVAL": "50ms", "TAILRACE_SOURCE": s.source(), "TAILRACE_TABLES": "public.orders"} {
		s.env[name] = value
	}
	p := s.follow(t, append(onFree, fromNow...)...)
	p.answers(t, "/readyz", 200, "ready")
	s.insert(t, 1, 3)
	p.answers(t, "/metrics", 200, `tailrace_published_changes_total{op="insert",table="public.orders"} 3`)

	broker.Freeze(t)
	s.insert(t, 4, 6)
	p.says(t, "following: the sink has owed an answer for ", "the sink has owed an answer for ", "the sink has owed an answer for ", "\ntailrace_sink_silent_seconds 1")
	p.answers(t, "/metrics", 200, `tailrace_published_changes_total{op="insert",table="public.orders"} 3`)
	p.answers(t, "/metrics", 200, `tailrace_received_changes_total{op="insert",table="public.orders"} 6`)

	broker.Thaw(t)
	p.recovers(t)
	p.answers(t, "/metrics", 200, `tailrace_published_changes_total{op="insert",table="public.orders"} 6`)
	p.stop(t)
}

func TestAPostgresThatIsStoppedIsToldOfAndWaitedFor(t *testing.T) {
	t.Parallel()
	server := servers.NewPostgres(t, 18, nil)
	s := newSite(t, server.Database(t))
	p := s.follow(t, append(onFree, fromNow...)...)
	p.answers(t, "/readyz", 200, "ready")
	p.answers(t, "/metrics", 200, "\ntailrace_log_lost 0\n")
	server.Stop(t)
	p.says(t, "waiting: ", "waiting: ", fmt.Sprintf("127.0.0.1:%d", s.db.Port), `tailrace_phase{phase="waiting"} 1`)
	server.Start(t)
	p.recovers(t)
	s.insert(t, 1, 3)
	p.answers(t, "/metrics", 200, `tailrace_published_changes_total{op="insert",table="public.orders"} 3`)
	p.stop(t)
}

func TestAMySQLThatIsStoppedIsToldOfAndWaitedFor(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		server := servers.NewMySQL(t, product, nil)
		s := newMySQLSite(t, server.Database(t))
		p := s.follow(t, append(onFree, fromNow...)...)
		p.answers(t, "/readyz", 200, "ready")
		server.Stop(t)
		p.says(t, "waiting: ", "waiting: ", fmt.Sprintf("127.0.0.1:%d", s.db.Port), `tailrace_phase{phase="waiting"} 1`)
		server.Start(t)
		p.recovers(t)
		p.stop(t)
	})
}

// warns waits until the status warns of a setting, and the pages for probes and
// `tailrace status` too.
func (p *process) warns(t *testing.T, sentence, setting string) {
	t.Helper()
	eventually.True(t, patience, "the status warns", func() bool {
		for _, w := range p.report(t).Warnings {
			if strings.Contains(w, sentence) && strings.Contains(w, "("+setting+")") {
				return true
			}
		}
		return false
	})
	for _, path := range []string{"/livez", "/readyz"} {
		_, text, err := p.page(t, path)
		if err != nil || !strings.Contains(text, "; warning: ") || !strings.Contains(text, sentence) {
			t.Errorf("%s: got %v, %q, want the warning in it", path, err, text)
		}
	}
	asked := (&site{}).status(t, p.admin(t))
	if got := asked.stdout.String(); !strings.Contains(got, "\n! ") || !strings.Contains(got, "("+setting+")") {
		t.Errorf("tailrace status: got\n%swant a warning that names %s", got, setting)
	}
}

// A sink that reads nothing holds the slot back until the server gives it up.
func TestASlotThatRunsOutOfRoomIsWarnedOfBeforeItIsLost(t *testing.T) {
	t.Parallel()
	const limit, segment = 400 << 20, 16 << 20
	server := servers.NewPostgres(t, 18, map[string]string{"max_slot_wal_keep_size": "400MB"})
	s := newSite(t, server.Database(t))
	s.establish(t)
	b := s.block(t, onFree...)
	b.answers(t, "/metrics", 200, "\ntailrace_log_room_bytes ")
	got := b.report(t)
	if len(got.Warnings) != 0 || got.Log.RoomBytes == nil || got.Log.Limit != "max_slot_wal_keep_size" {
		t.Fatalf("with most of the room left: got %+v and the warnings %q, want a room with its setting and no warning", got.Log, got.Warnings)
	}
	if room := *got.Log.RoomBytes; room < limit/2 || room > limit+2*segment {
		t.Errorf("room: got %d bytes, want about %d", room, limit)
	}
	fill := func() {
		s.db.Exec(t, "INSERT INTO orders SELECT max(id) + 1 FROM orders")
		s.db.Exec(t, "SELECT pg_switch_wal()")
	}
	eventually.True(t, 2*patience, "most of the room is used", func() bool {
		fill()
		return s.db.One(t, "SELECT safe_wal_size < $2::bigint FROM pg_replication_slots WHERE slot_name = $1", s.slot, 60<<20) == "t"
	})
	b.warns(t, "the server gives up the log that this pipeline needs", "max_slot_wal_keep_size")

	eventually.True(t, 2*patience, "the server gives the slot up", func() bool {
		fill()
		s.db.Exec(t, "CHECKPOINT")
		return s.db.One(t, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", s.slot) == "lost"
	})
	// The server ends the stream, but what was read waits for the sink.
	b.answers(t, "/metrics", 200, "\ntailrace_log_lost 1\n")
	b.says(t, "slot "+s.slot+" is lost", "slot "+s.slot+" is lost", "slot "+s.slot+" is lost", "\ntailrace_log_lost 1\n")
	if warnings := b.report(t).Warnings; len(warnings) != 1 || !strings.Contains(warnings[0], "slot "+s.slot+" is lost") {
		t.Errorf("warnings: got %q, want that the slot is lost", warnings)
	}
	b.rest(t)
	b.exits(t, 4)
}

func TestABinlogThatWillSoonBeDeletedIsWarnedOf(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		server := servers.NewMySQL(t, product, nil)
		s := newMySQLSite(t, server.Database(t))
		s.db.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 864000")
		p := s.follow(t, append(onFree, fromNow...)...)
		p.answers(t, "/metrics", 200, "\ntailrace_log_left_seconds 86")
		if got := p.report(t).Warnings; len(got) != 0 {
			t.Errorf("warnings with ten days left: got %q, want none", got)
		}
		s.db.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 1200")
		p.warns(t, "the server may delete the log that this pipeline reads in ", "binlog_expire_logs_seconds")
		p.answers(t, "/livez", 200, "binlog_expire_logs_seconds")
		p.answers(t, "/readyz", 200, "ready; warning: ")
		p.answers(t, "/metrics", 200, "\ntailrace_log_left_seconds 1")
		p.stop(t)
	})
}
