// Package workload changes rows of a real Postgres, MySQL or MariaDB from a seed
// and writes down what it did: the truth that package verify holds the events
// against.
//
// Several writers work on connections of their own, so that long transactions
// have short ones between their begin and commit. They share tables but never
// rows. What an event must say about each change is rendered here, from the
// values as they were made, by code that shares nothing with the encoder.
package workload
