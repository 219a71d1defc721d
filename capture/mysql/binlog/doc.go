// Package binlog reads the bytes of MySQL's and MariaDB's binary log: events,
// table maps and row images (MySQL internals manual, "Binlog Event"; MariaDB,
// "Replication Protocol"). It is pure: it knows no connection and keeps no
// state between two events. What it returns points into the bytes that it was
// given; nothing is allocated by a size that the bytes declare.
package binlog
