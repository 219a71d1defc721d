// Package checkpoint decides from which place it is safe to resume, and keeps
// that place.
//
// A Frontier turns acknowledgements that arrive in any order into the one
// prefix of the log that is published; a State is that prefix in durable form;
// a Store keeps States.
package checkpoint
