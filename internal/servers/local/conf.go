package local

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// hba lets the superuser in from this machine without a password and asks
// everybody else for theirs, so that tests can have wrong passwords.
const hba = `# type  database     user      address       method
local   all          postgres                trust
local   replication  postgres                trust
host    all          postgres  127.0.0.1/32  trust
host    replication  postgres  127.0.0.1/32  trust
local   all          all                     scram-sha-256
local   replication  all                     scram-sha-256
host    all          all       127.0.0.1/32  scram-sha-256
host    replication  all       127.0.0.1/32  scram-sha-256
`

// configuration returns what is appended to the postgresql.conf that initdb
// wrote. The caller's settings come last, so they win.
func configuration(socketDir string, port int, settings map[string]string) string {
	own := map[string]string{
		"listen_addresses":          "127.0.0.1",
		"port":                      fmt.Sprint(port),
		"unix_socket_directories":   socketDir,
		"wal_level":                 "logical",
		"max_wal_senders":           "50",
		"max_replication_slots":     "50",
		"max_connections":           "200",
		"max_prepared_transactions": "50",
		"timezone":                  "UTC",
		"log_timezone":              "UTC",
		"lc_messages":               "C",
		"password_encryption":       "scram-sha-256", // as by itself from 14 on
		// The data is thrown away: only speed counts.
		"fsync":              "off",
		"full_page_writes":   "off",
		"autovacuum_naptime": "1h",
		// In the data folder rather than in /dev/shm, where a killed server
		// would leave it behind.
		"dynamic_shared_memory_type": "mmap",
	}
	var b strings.Builder
	for _, group := range []map[string]string{own, settings} {
		for _, name := range slices.Sorted(maps.Keys(group)) {
			fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(group[name], "'", "''"))
		}
	}
	return b.String()
}
