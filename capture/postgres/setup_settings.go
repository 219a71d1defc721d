package postgres

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/quote"
)

// howLogical says how wal_level becomes logical.
func howLogical(f capture.Flavor) string {
	switch f {
	case capture.RDS:
		return "set rds.logical_replication = 1 in the instance's DB parameter group, then reboot the instance"
	case capture.Aurora:
		return "set rds.logical_replication = 1 in the DB cluster parameter group, then reboot the writer"
	case capture.CloudSQL:
		return "set the flag cloudsql.logical_decoding = on, which restarts the instance"
	case capture.Azure:
		return "set the server parameter wal_level = logical, then restart the server"
	}
	return "ALTER SYSTEM SET wal_level = 'logical', then restart the server"
}

// howSet says how a setting is changed; restart whether the server must be begun
// again for it.
func howSet(f capture.Flavor, name, value string, restart bool) string {
	then := ""
	if restart {
		then = ", then restart the server"
	}
	switch f {
	case capture.RDS:
		return "set " + name + " = " + value + " in the instance's DB parameter group" + then
	case capture.Aurora:
		return "set " + name + " = " + value + " in the DB cluster parameter group" + then
	case capture.CloudSQL:
		return "set the flag " + name + " = " + value + then
	case capture.Azure:
		return "set the server parameter " + name + " = " + value + then
	}
	if restart {
		return "ALTER SYSTEM SET " + name + " = '" + value + "'" + then
	}
	return "ALTER SYSTEM SET " + name + " = '" + value + "', then SELECT pg_reload_conf()"
}

// keepSize is the max_slot_wal_keep_size that is proposed, which suits nobody and
// shows the form.
const keepSize = "64GB"

// keepSetting is advice: without a limit an outage of Tailrace fills the server's
// disk, with one it may cost the slot.
func keepSetting(f capture.Flavor, what string) capture.Setting {
	const name = "max_slot_wal_keep_size"
	setting := capture.Setting{What: what}
	switch f {
	case capture.RDS, capture.Aurora, capture.Plain:
		setting.How = howSet(f, name, map[bool]string{true: "65536", false: keepSize}[f != capture.Plain], false) + ", or what the disk can spare"
	default: // the provider's to set
		setting.How = "watch the disk and the slot's retained WAL, with an alert"
	}
	return setting
}

// blindSettings are those of a server that was not asked.
func (s *Setup) blindSettings() []capture.Setting {
	return []capture.Setting{
		{What: "wal_level must be logical", How: howLogical(s.flavor)},
		{What: "max_replication_slots and max_wal_senders must have one free each", How: "they have, unless somebody took them all: each is 10 where it was not set"},
		keepSetting(s.flavor, "max_slot_wal_keep_size bounds how much log the server keeps while Tailrace is away; without it the disk may fill"),
	}
}

// settings are what is to be changed at the server that was looked at. What
// blocks makes the slot impossible, or the log unreadable.
func (s *Setup) settings(f setupFound) (all []capture.Setting) {
	sv := &f.server
	add := func(blocks bool, how, format string, args ...any) {
		all = append(all, capture.Setting{What: fmt.Sprintf(format, args...), How: how, Blocks: blocks})
	}
	if sv.Standby {
		add(true, "give the primary's address", "the server is a standby")
	}
	if sv.WALLevel != "logical" {
		add(true, howLogical(s.flavor), "wal_level is %s, and changes are in the log only with logical", sv.WALLevel)
	}
	switch {
	case f.slot == nil && sv.FreeSlots <= 0:
		add(true, howSet(s.flavor, "max_replication_slots", "more than now", true)+", or drop a slot that is not used any more", "there is no free replication slot")
	case f.slot == nil:
	case !s.owns(f.slot):
		add(true, "name another slot in source.postgres.slot", "slot %s is of the plugin %q and the database %s", s.cfg.Slot, f.slot.Plugin, f.slot.Database)
	case f.slot.Status == "lost":
		add(true, "run tailrace setup --remove, then this again; then "+anewHint,
			"slot %s is lost: the server removed log that it needed", s.cfg.Slot)
	}
	if sv.FreeSenders <= 0 && (f.slot == nil || f.slot.ActivePID == 0) {
		add(false, howSet(s.flavor, "max_wal_senders", "more than now", true), "there is no free WAL sender")
	}
	if f.slot == nil && !sv.Replication && !s.cfg.Create {
		how := "let --as be a role that may replicate, or set source.postgres.create: true, so that Tailrace makes it"
		if s.flavor == capture.CloudSQL || s.flavor == capture.Azure {
			how = "ALTER USER " + quote.PostgresIdent(sv.Role) + " WITH REPLICATION"
		}
		add(true, how, "role %s may not replicate, and so not make the slot", sv.Role)
	}
	s.addRights(f, add)
	if f.keep == "-1" {
		all = append(all, keepSetting(s.flavor, "max_slot_wal_keep_size is -1: while Tailrace is away, the log that the server keeps may fill its disk"))
	}
	return all
}

// addRights names what who asked may not publish.
func (s *Setup) addRights(f setupFound, add func(blocks bool, how, format string, args ...any)) {
	const how = "let --as be the owner or a superuser"
	for _, p := range f.pubs {
		if !p.exists && !f.server.CanCreate {
			add(true, how, "role %s may not create publication %s in database %s", f.server.Role, p.name, f.server.Database)
		}
		if what, how := p.misfit(); what != "" {
			add(true, how, "%s", what)
			continue
		}
		for _, t := range p.missing {
			if !t.Owned {
				add(true, how, "role %s does not own table %s, which publication %s must have", f.server.Role, t, p.name)
			}
		}
	}
}
