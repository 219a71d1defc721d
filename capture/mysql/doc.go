// Package mysql reads MySQL and MariaDB through the protocol of a replica: it
// asks for the binary log behind a place and turns its row events into units.
//
// Package binlog reads the bytes of events, values those of columns, and gtid
// holds sets of GTIDs. Here is what has a connection or a place: wire.go cuts
// the server's bytes into events, stream.go makes units of them, group.go follows
// transactions, judge.go reads statements, versions.go makes table versions,
// split.go cuts rows, locate.go decides where to start.
package mysql
