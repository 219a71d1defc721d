// Package kafka publishes to Apache Kafka and what speaks its protocol.
//
// Every record is acknowledged by all in-sync replicas before it counts as
// durable, and the producer is idempotent, so that its own retries neither
// double nor reorder records of a partition. Nothing is given up because it
// takes long: while brokers are away, frozen or without a leader, records wait,
// and the pipeline's frontier bounds how many.
//
// What ends a Publisher is an answer that says a record is not stored. From
// that moment on nothing more is sent, so that no record lands behind a gap;
// the pipeline opens a new Publisher and sends again from its saved state.
//
// A Committer does the same in transactions that hold the saved state too, so
// that readers of committed records see every record once.
package kafka
