// Package replay turns files of native events back into tables, in memory, and
// compares them with the database that they came from. It shares no code with
// what wrote the events: it reads them as a consumer would, by their
// documentation.
package replay
