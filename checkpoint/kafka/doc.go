// Package kafka keeps a checkpoint in a compacted topic of the cluster that the
// pipeline publishes to, and owns the pipeline's one transactional producer, so
// that a State can be committed in one transaction with the records that it
// stands for (C7.1).
//
// The transactional id is the name of the pipeline. Whoever initializes it last
// is the only one who can write a State: brokers refuse all before. That fences,
// but does not say who is meant to hold the pipeline: a transaction that timed
// out looks the same as one that was fenced (C7.3). So each owner writes a claim,
// and whoever is refused reads whose claim stands.
//
// The topic has one partition and records of three keys. "state" is the State
// and "claim" says who holds the pipeline: both are written in transactions of
// the transactional id only. "alive" is the owner's sign of life, without a
// transaction: it stops when the process is frozen or dead, and then another may
// take over after one lease.
package kafka
