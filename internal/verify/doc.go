// Package verify holds the files of a file sink against the truth that package
// workload wrote, and against the source itself. It imports nothing of the
// product: what it knows of events, markers and checkpoints it reads from their
// bytes.
//
// It streams. In memory are the transactions of the workload, the live rows of
// one table, and a fingerprint of the newest events of one file.
package verify
