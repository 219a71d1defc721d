package mysql

import (
	"context"
	"strconv"
	"strings"
)

// server is what a server says of itself; names are those of its variables.
type server struct {
	Version         string
	MariaDB         bool
	UUID            string // server_uuid; MariaDB: server_uid, or server_id and host name
	ServerID        uint32
	LogBin          bool
	Format          string // binlog_format
	RowImage        string // binlog_row_image
	RowMetadata     string // binlog_row_metadata; "" if the server does not know it
	RowValueOptions string // binlog_row_value_options: PARTIAL_JSON or ""
	Checksum        string // binlog_checksum
	GTIDMode        string // gtid_mode; "" on MariaDB
	LogBasename     string // log_bin_basename
	ReplicaUpdates  bool   // log_replica_updates: what a standby replicates is in its log
	LowerCaseNames  int    // lower_case_table_names
}

// serverVariables are asked for by SHOW, which leaves out what a version does
// not know.
const serverVariables = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'server_uuid', 'server_uid', 'server_id', 'hostname',
	'log_bin', 'log_bin_basename', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog_row_value_options',
	'binlog_checksum', 'gtid_mode', 'log_replica_updates', 'log_slave_updates', 'lower_case_table_names')`

// readServer asks the server about itself.
func readServer(ctx context.Context, s *side) (server, error) {
	rows, err := s.query(ctx, serverVariables)
	if err != nil {
		return server{}, err
	}
	v := make(map[string]string, len(rows))
	for _, row := range rows {
		if len(row) == 2 {
			v[strings.ToLower(row[0])] = row[1]
		}
	}
	id, _ := strconv.ParseUint(v["server_id"], 10, 32)
	lower, _ := strconv.Atoi(v["lower_case_table_names"])
	sv := server{
		Version: v["version"], MariaDB: isMariaDB(v["version"]), UUID: v["server_uuid"], ServerID: uint32(id),
		LogBin: v["log_bin"] == "ON", Format: v["binlog_format"], RowImage: v["binlog_row_image"],
		RowMetadata: v["binlog_row_metadata"], RowValueOptions: v["binlog_row_value_options"],
		Checksum: v["binlog_checksum"], GTIDMode: v["gtid_mode"], LogBasename: v["log_bin_basename"],
		ReplicaUpdates: v["log_replica_updates"] == "ON" || v["log_slave_updates"] == "ON", LowerCaseNames: lower,
	}
	if sv.MariaDB {
		if sv.UUID = v["server_uid"]; sv.UUID == "" {
			sv.UUID = "server_id " + v["server_id"] + " at " + v["hostname"]
		}
	}
	return sv, nil
}
