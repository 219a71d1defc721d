// Package trial runs one acceptance trial: a workload on a real database, the
// real binary that follows it into files and is signalled at random moments,
// and the verifier on what is in the files in the end.
package trial
