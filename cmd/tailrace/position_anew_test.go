package main_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

// What the manual says of beginning anew, where Tailrace itself may make nothing.
func TestAPipelineThatMayMakeNothingBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		lose func(t *testing.T, s *site)
		mend [][]string // arguments of setup
	}{
		{
			name: "the slot was dropped",
			lose: func(t *testing.T, s *site) { s.db.Exec(t, "SELECT pg_drop_replication_slot($1)", s.slot) },
			mend: [][]string{{"--apply", "--yes"}},
		},
		{
			name: "the publication was dropped",
			lose: func(t *testing.T, s *site) { s.db.Exec(t, "DROP PUBLICATION "+s.slot) },
			mend: [][]string{{"--apply", "--yes"}},
		},
		{
			name: "the slot was given up",
			lose: func(t *testing.T, s *site) {
				s.db.Exec(t, "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
				s.db.Exec(t, "SELECT pg_reload_conf()")
				eventually.True(t, patience, "the slot is lost", func() bool {
					s.db.Exec(t, "INSERT INTO orders SELECT coalesce(max(id), 0) + 1 FROM orders")
					s.db.Exec(t, "SELECT pg_switch_wal()")
					s.db.Exec(t, "CHECKPOINT")
					return s.db.One(t, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", s.slot) == "lost"
				})
			},
			mend: [][]string{{"--remove", "--yes"}, {"--apply", "--yes"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newNewcomer(t, servers.NewPostgres(t, 18, nil).Database(t))
			s.env["TAILRACE_SETUP_URL"] = s.db.URL()
			s.setup(t, "--apply", "--yes").succeeds(t)
			s.establish(t)
			c.lose(t, s)
			s.follow(t).exits(t, 4)
			for _, args := range c.mend {
				s.setup(t, args...).succeeds(t)
			}
			s.sets(t, "now").succeeds(t)
			s.insert(t, 1001, 1010)
			s.follow(t, "--until", "now").succeeds(t)
			wantIDs(t, s.ids(t), 1001, 1010)
		})
	}
}
