package mysql

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// howSet says how a setting is changed where SQL can't.
func (s *Setup) howSet(name, value string) string {
	setting := name + " = " + value
	switch s.flavor {
	case capture.RDS:
		return "set " + setting + " in the instance's DB parameter group, and reboot it where the group says so"
	case capture.Aurora:
		return "set " + setting + " in the DB cluster parameter group, then reboot the writer"
	case capture.CloudSQL:
		return "set the flag " + setting
	case capture.Azure:
		return "set the server parameter " + setting
	}
	return "write " + setting + " into the server's configuration ([mysqld]), then restart it"
}

// howRun says how a setting is changed that SQL can change where nobody else runs
// the server.
func (s *Setup) howRun(name, value string) string {
	if s.flavor.Managed() {
		return s.howSet(name, value)
	}
	if s.source.mariadb {
		return "run " + s.assign(name, value) + ", and write it into the server's configuration ([mysqld])"
	}
	return "run " + s.assign(name, value)
}

// howLog says how a server begins to write a binlog.
func (s *Setup) howLog() string {
	switch s.flavor {
	case capture.RDS:
		return "turn automated backups on (a backup retention period of a day or more)"
	case capture.Aurora:
		return s.howSet("binlog_format", "ROW")
	case capture.CloudSQL:
		return "turn binary logging on: gcloud sql instances patch INSTANCE --enable-bin-log"
	case capture.Azure:
		return "it is always on there: see whether source.url names the server"
	}
	return "write log_bin = binlog and a server_id into the server's configuration ([mysqld]), then restart it"
}

// howKept says how binlogs stay for long enough, by the setting that deletes them
// by age. It names no number where the default is more than one would say.
func (s *Setup) howKept() (name, how string) {
	name = ageVariable
	if s.source.mariadb {
		name = ageVariableOld
	}
	switch {
	case s.flavor.Managed():
		return name, s.howSet(name, week(name))
	case s.source.mariadb:
		return name, "it is 0, for ever, where it was not set: SELECT @@GLOBAL." + name + " says what holds"
	}
	return name, "it is 2592000, 30 days, where it was not set: SELECT @@GLOBAL." + name + " says what holds"
}

// blindSettings are those of a server that was not asked.
func (s *Setup) blindSettings() []capture.Setting {
	all := []capture.Setting{{What: "log_bin must be ON", How: s.howLog()}}
	if s.flavor != capture.CloudSQL && s.flavor != capture.Azure {
		all = append(all, capture.Setting{What: "binlog_format must be ROW", How: s.howRun("binlog_format", "ROW")})
	}
	all = append(
		all,
		capture.Setting{What: "binlog_row_metadata should be FULL: the names of columns are in the log then, and changes from before an ALTER TABLE stay readable", How: s.howRun("binlog_row_metadata", "FULL")},
		capture.Setting{What: "binlog_row_image should be FULL: with MINIMAL, columns that did not change are absent", How: s.howRun("binlog_row_image", "FULL")},
	)
	if !s.source.mariadb {
		all = append(
			all,
			capture.Setting{What: "binlog_row_value_options must not be PARTIAL_JSON", How: s.howRun("binlog_row_value_options", "''")},
			capture.Setting{What: "gtid_mode and enforce_gtid_consistency should be ON, so that a place outlives a failover", How: s.howSet("gtid_mode", "ON")},
		)
	}
	if s.flavor != capture.RDS && s.flavor != capture.Aurora {
		name, how := s.howKept()
		all = append(all, capture.Setting{What: name + " must be longer than the longest outage that is to be survived", How: how})
	}
	return all
}

// settings are what is to be changed at the server that was looked at: what SQL
// can change there becomes a step, the rest is returned.
func (s *Setup) settings(f setupFound) (all []capture.Setting) {
	sv := &f.server
	add := func(blocks bool, how, format string, args ...any) {
		all = append(all, capture.Setting{What: fmt.Sprintf(format, args...), How: how, Blocks: blocks})
	}
	set := func(blocks bool, name, value, format string, args ...any) {
		if s.flavor.Managed() {
			add(blocks, s.howSet(name, value), format, args...)
			return
		}
		why := fmt.Sprintf(format, args...)
		s.add(strings.ToUpper(why[:1])+why[1:]+".", s.assign(name, value), false)
	}
	oldest, name := oldestMySQL, "MySQL 8.0"
	if sv.MariaDB {
		oldest, name = oldestMariaDB, "MariaDB 10.5"
	}
	if versionNumber(sv.Version) < oldest {
		add(true, "upgrade the server", "version %s is too old: %s is the oldest that is read", sv.Version, name)
		return all
	}
	if !sv.LogBin {
		add(true, s.howLog(), "log_bin is OFF: the server writes no binlog")
	}
	if sv.Format != "ROW" {
		set(true, "binlog_format", "ROW", "binlog_format is %s, and rows are in the log only with ROW", sv.Format)
	}
	if strings.Contains(sv.RowValueOptions, "PARTIAL_JSON") {
		set(true, "binlog_row_value_options", "''", "binlog_row_value_options is PARTIAL_JSON, and the log then has pieces of JSON documents, not their values")
	}
	if sv.RowMetadata != "FULL" && sv.RowMetadata != "" {
		set(false, "binlog_row_metadata", "FULL", "binlog_row_metadata is %s: without names of columns in the log, changes from before an ALTER TABLE can't be read", sv.RowMetadata)
	}
	if s.cfg.Positions == GTIDPositions && !sv.MariaDB && sv.GTIDMode != "ON" {
		add(true, s.howSet("gtid_mode", "ON")+" (OFF_PERMISSIVE and ON_PERMISSIVE on the way), or leave source.mysql.positions at auto",
			"gtid_mode is %s, and source.mysql.positions is gtid", sv.GTIDMode)
	}
	if image := f.variables["binlog_row_image"]; image != "" && image != "FULL" {
		add(false, s.howRun("binlog_row_image", "FULL"), "binlog_row_image is %s: columns that did not change are absent in events", image)
	}
	return append(all, s.shortRetention(f)...)
}

// shortRetention warns where binlogs are deleted before somebody could mend an
// outage. What RDS and Aurora do is in no variable.
func (s *Setup) shortRetention(f setupFound) []capture.Setting {
	k := f.keeping
	if k.age == 0 || k.age >= shortest || s.flavor == capture.RDS || s.flavor == capture.Aurora {
		return nil
	}
	return []capture.Setting{{
		What: fmt.Sprintf("the server deletes binlogs after %s, whether Tailrace has read them or not", k.age),
		How:  s.howRun(k.ageName, week(k.ageName)),
	}}
}

// assign is the statement that changes a setting for good; MariaDB has none such.
func (s *Setup) assign(name, value string) string {
	if _, err := strconv.Atoi(value); err != nil && value != "''" {
		value = "'" + value + "'"
	}
	if s.source.mariadb {
		return "SET GLOBAL " + name + " = " + value
	}
	return "SET PERSIST " + name + " = " + value
}
