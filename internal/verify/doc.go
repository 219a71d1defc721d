// Package verify holds what a sink has, the files of a file sink, the topics of
// Kafka or a stream of Kinesis, against the truth that package workload wrote, and
// against the source itself. It imports nothing of the product: what it knows of
// events, markers and checkpoints it reads from their bytes.
//
// A file is one partition. Order, and what may be sent again, is held within
// each partition; what is in all of a table's partitions is then taken in the
// order of the vers, and must be what was committed, once. A lane of Kinesis,
// which is a partition key there, is a partition too: the events of all tables in
// it have an order.
//
// Rows that a snapshot read are no part of the truth: they must have places between
// those of transactions, and hold what the changes up to there have made of the row.
// So it verifies snapshots of tables whose changes have all been followed.
//
// It streams, but for the records of a stream while they are copied. In memory are
// the transactions of the workload, the live rows and the keys of one table, and a
// fingerprint of the newest events of each of its partitions.
package verify
