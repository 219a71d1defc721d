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
	UUID            string // server_uuid; MariaDB has none, so its server_id stands for it
	ServerID        uint32
	LogBin          bool
	Format          string // binlog_format
	RowMetadata     string // binlog_row_metadata; "" if the server does not know it
	RowValueOptions string // binlog_row_value_options: PARTIAL_JSON or ""
	GTIDMode        string // gtid_mode; "" on MariaDB
	ReplicaUpdates  bool   // log_replica_updates: what a standby replicates is in its log
	LowerCaseNames  int    // lower_case_table_names
}

// serverVariables are asked for by SHOW, which leaves out what a version does
// not know.
const serverVariables = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'server_uuid', 'server_id', 'log_bin',
	'binlog_format', 'binlog_row_metadata', 'binlog_row_value_options',
	'gtid_mode', 'log_replica_updates', 'log_slave_updates', 'lower_case_table_names')`

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
		LogBin: v["log_bin"] == "ON", Format: v["binlog_format"],
		RowMetadata: v["binlog_row_metadata"], RowValueOptions: v["binlog_row_value_options"],
		GTIDMode:       v["gtid_mode"],
		ReplicaUpdates: v["log_replica_updates"] == "ON" || v["log_slave_updates"] == "ON", LowerCaseNames: lower,
	}
	if sv.MariaDB {
		// Host names change, and server_uid is made of the port and the network
		// card, which containers have in common. Replicas must differ in this; two
		// unrelated servers that do not are told apart by the log's mark (C4.4).
		sv.UUID = "server_id " + v["server_id"]
	}
	return sv, nil
}
