// Package trial runs one acceptance trial: a workload on a real database, the
// real binary that follows it into files or into Kafka and is signalled, or
// replaced, at random moments, and the verifier on what is there in the end.
package trial
