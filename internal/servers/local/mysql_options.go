package local

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// options returns the options of a server that lives in the folder dir. The
// caller's settings win; one with the value "" leaves the option out.
func (m *MySQL) options(settings map[string]string) []string {
	all := map[string]string{
		"datadir":      m.DataDir,
		"socket":       filepath.Join(m.dir, "socket"),
		"pid-file":     filepath.Join(m.dir, "pid"),
		"tmpdir":       m.dir,
		"bind-address": m.Host,
		"port":         fmt.Sprint(m.Port),
		"server-id":    fmt.Sprint(m.serverID),

		"log-bin":             "binlog",
		"binlog-format":       "ROW",
		"binlog-row-image":    "FULL",
		"binlog-row-metadata": "FULL",

		"character-set-server": "utf8mb4",
		"default-time-zone":    "+00:00",
		"event-scheduler":      "OFF",
		"max-connections":      "200",
		"skip-name-resolve":    "ON",

		// The data is thrown away: only speed and room count. Commits do reach
		// the system, so that a killed server has lost none.
		"sync-binlog":                                   "0",
		"innodb-flush-log-at-trx-commit":                "2",
		"innodb-flush-method":                           "nosync",
		"innodb-buffer-pool-size":                       "64M",
		programs{product: m.Product}.all().RedoOption(): "32M",
	}
	if m.Product.MariaDB() {
		maps.Copy(all, map[string]string{
			"ssl-ca":   filepath.Join(m.DataDir, caFile),
			"ssl-cert": filepath.Join(m.DataDir, certFile),
			"ssl-key":  filepath.Join(m.DataDir, keyFile),
		})
	} else {
		maps.Copy(all, map[string]string{
			"gtid-mode":                "ON",
			"enforce-gtid-consistency": "ON",
			"mysqlx":                   "OFF",
			"secure-file-priv":         m.dir,
		})
	}
	for name, value := range settings {
		all[strings.ReplaceAll(name, "_", "-")] = value
	}
	var options []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] != "" {
			options = append(options, "--"+name+"="+all[name])
		}
	}
	return options
}
