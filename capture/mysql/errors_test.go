package mysql_test

import (
	"errors"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/internal/failure"
)

func TestTheServersErrorsHaveAClass(t *testing.T) {
	const retry = -1
	for _, c := range []struct {
		name    string
		code    uint16
		message string
		exit    int // or retry
		lost    bool
	}{
		{"it shuts down", 1053, "Server shutdown in progress", retry, false},
		{"it has too many connections", 1040, "Too many connections", retry, false},
		{"somebody killed the connection", 1317, "Query execution was interrupted", retry, false},
		{"the password is wrong", 1045, "Access denied for user 'a'@'b' (using password: YES)", failure.ExitStop, false},
		{"a privilege is missing", 1227, "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for this operation", failure.ExitStop, false},
		{"it wants TLS", 3159, "Connections using insecure transport are prohibited while --require_secure_transport=ON.", failure.ExitStop, false},
		{"nobody knows it", 9999, "Something else", failure.ExitStop, false},
		{
			"the log was purged", 1236,
			"Cannot replicate because the source purged required binary logs. Replicate the missing transactions from elsewhere", failure.ExitStop, true,
		},
		{"the file is not there", 1236, "Could not find first log file name in binary log index file", failure.ExitStop, true},
		{
			"the file was begun anew while it was read", 1236,
			"I/O error reading log event; the first event '' at 4, the last event read from './binlog.000001' at 3743, the last byte read from './binlog.000001' at 3743.", failure.ExitStop, true,
		},
		{"the file is shorter", 1236, "Client requested source to start replication from position > file size", failure.ExitStop, true},
		{
			"transactions were lost", 1236,
			"Slave has more GTIDs than the master has, using the master's SERVER_UUID. This may indicate that the end of the binary log was truncated", failure.ExitStop, true,
		},
		{
			"a MariaDB does not know the GTID", 1236,
			"Error: connecting slave requested to start from GTID 0-1-100, which is not in the master's binlog", failure.ExitStop, true,
		},
		{
			"a MariaDB has purged the GTID", 1236,
			"Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required binlog files have been purged.", failure.ExitStop, true,
		},
		{"an event is too large", 1236, "log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source", failure.ExitStop, false},
		{"there is no log", 1236, "Binary log is not open", failure.ExitStop, false},
		{
			"it has no GTIDs", 1236,
			"The replication sender thread cannot start in AUTO_POSITION mode: this server has GTID_MODE = OFF instead of ON.", failure.ExitStop, false,
		},
		{"its disk is bad", 1236, "event read from binlog did not pass crc check", failure.ExitStop, false},
		{
			"another replica came", 1236,
			"A replica with the same server_uuid/server_id as this replica has connected to the source", failure.ExitFenced, false,
		},
		{"another replica came to a MariaDB", 4052, "A slave with the same server_uuid/server_id is already connected", failure.ExitFenced, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := mysql.ClassifyServer(c.code, c.message)
			if got := failure.Retryable(err); got != (c.exit == retry) {
				t.Errorf("got %v, retryable %t", err, got)
			}
			if c.exit != retry && failure.ExitCode(err) != c.exit {
				t.Errorf("got %v, exit code %d, want %d", err, failure.ExitCode(err), c.exit)
			}
			if got := errors.Is(err, capture.ErrLost); got != c.lost {
				t.Errorf("got %v, lost %t, want %t", err, got, c.lost)
			}
		})
	}
}
