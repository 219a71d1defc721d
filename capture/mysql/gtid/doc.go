// Package gtid holds what the servers call sets of GTIDs: MySQL's sets of
// intervals per origin, and MariaDB's one last transaction per domain. It is
// pure; nothing is allocated by a size that bytes declare.
package gtid
