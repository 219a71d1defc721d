package mysql

import (
	"context"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/schema"
)

// CheckPlace returns the reason why Locate would refuse st and from now, nil if
// there is none. What is no reason yet, and may become one, it tells the log. It
// waits for nobody: that somebody reads the log as us is an error with the exit
// code of a Fenced. It is called after Check, and does not repeat what that has
// named: a log that is off, or may not be read.
func (s *Source) CheckPlace(ctx context.Context, st checkpoint.State, from string) error {
	old := checker{Source: s}
	if old.checkVersion(); len(old.errs) > 0 {
		return nil
	}
	if err := s.ask(ctx, "check what the server keeps", s.warnOfRetention); err != nil {
		return err
	}
	if !s.server.LogBin {
		return nil
	}
	// Here it makes nothing on the server, so it may be called for its refusal.
	wait := s.cfg.SlotWait
	s.cfg.SlotWait = time.Nanosecond
	defer func() { s.cfg.SlotWait = wait }()
	_, err := s.Locate(ctx, st, from)
	if isDenied(err) {
		return nil
	}
	return err
}

// shortest is below which time the server's keeping of its log is warned about.
const shortest = 24 * time.Hour

// warnOfRetention tells of settings under which an outage, or a mistake that is
// noticed the next day, costs changes.
func (s *Source) warnOfRetention(c *client.Conn) error {
	k, err := readKeeping(c)
	if err != nil {
		return err
	}
	image, err := first(queryRecords(c, "SELECT @@GLOBAL.binlog_row_image AS image"))
	if err != nil {
		return err
	}
	set := "run SET PERSIST %s"
	if s.server.MariaDB {
		set = "run SET GLOBAL %s, and write it into the server's configuration"
	}
	set, after, _ := strings.Cut(set, "%s")
	if k.age > 0 && k.age < shortest || k.soon {
		// The name of the provider's own setting is none of a variable.
		fix := "run CALL mysql.rds_set_configuration('binlog retention hours', 168)"
		if k.ageName != retentionHours {
			fix = set + k.ageName + " = " + week(k.ageName) + after
		}
		s.cfg.Log.Warn("the server deletes its binlogs after "+k.age.String()+": changes that Tailrace has not read by then are lost", zap.String("fix", fix))
	}
	if k.size > 0 {
		s.cfg.Log.Warn("the server deletes its oldest binlogs when all have "+k.sizeName+" together, whether Tailrace has read them or not",
			zap.Int64("bytes", k.size), zap.String("fix", "make it more than the server writes in the longest outage, or 0"))
	}
	if image["image"] != "FULL" {
		s.cfg.Log.Warn("updates and deletes are in the log without columns that did not change, and so they are in events",
			zap.String("binlog_row_image", image["image"]), zap.String("fix", set+"binlog_row_image = 'FULL'"+after+", then let the applications connect again"))
	}
	return nil
}

// The variables by which a server deletes binlogs by age.
const (
	ageVariable    = "binlog_expire_logs_seconds"
	ageVariableOld = "expire_logs_days"
)

// week is a week in the unit of one of them.
func week(name string) string {
	if name == ageVariableOld {
		return "7"
	}
	return "604800"
}

// Captured returns the tables that are captured now, without their columns, in the
// words of the events. It is called after Check.
func (s *Source) Captured(ctx context.Context) (all []schema.Table, err error) {
	err = s.ask(ctx, "ask for the tables", func(c *client.Conn) error {
		tables, err := queryTables(c)
		all = nil
		for _, t := range tables {
			if s.sel.captures(t.database, t.name) {
				all = append(all, schema.Table{Database: t.database, Name: t.name})
			}
		}
		return err
	})
	return all, err
}
