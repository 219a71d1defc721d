// Package local starts real databases and Kafka brokers on this machine for
// tests, benchmarks and the acceptance run, and sees to it that nothing of them
// stays behind: neither a process nor a folder, however the program that started
// them ends.
//
// Each server lives in a throw-away folder of its own, listens on a loopback
// port and (a database) on a socket in that folder, and runs as nobody when the program runs
// as root, since Postgres and MySQL refuse root.
package local
