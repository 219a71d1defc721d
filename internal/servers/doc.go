// Package servers gives tests real databases and a real Kafka.
//
// One process owns the shared servers of a whole test run: `make test` and
// `make servers` start it and put its address into TAILRACE_SERVERS. It starts a
// server when the first test asks for it and removes everything at the end.
// Postgres and MySQL give a test a clean database on such a server, Kafka gives it
// a prefix for topics of its own.
//
// A test that must restart, kill or configure a server takes one of its own
// with NewPostgres, NewMySQL, NewKafka or NewKafkaCluster; that one belongs to the
// test's process.
//
// Programs that are no tests use Start, StartMySQL and StartKafka with its kin.
package servers
