// Package servers gives tests real databases, a real Kafka, and the two programs
// that stand in for Amazon's Kinesis.
//
// One process owns the shared servers of a whole test run: `make test` and
// `make servers` start it and put its address into TAILRACE_SERVERS. It starts a
// server when the first test asks for it and removes everything at the end.
// Postgres and MySQL give a test a clean database on such a server, Kafka gives it
// a prefix for topics of its own, Kinesis a stream.
//
// A test that must restart, kill or configure a server takes one of its own
// with NewPostgres, NewMySQL, NewKafka, NewKafkaCluster or NewKinesis; that one
// belongs to the test's process. A package whose tests want many MySQLs of their
// own has a MySQLPool, which lends those that were left as they were.
//
// Programs that are no tests use Start, StartMySQL, StartKinesis and StartKafka with
// its kin.
package servers
