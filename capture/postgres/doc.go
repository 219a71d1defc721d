// Package postgres reads the changes of a PostgreSQL database from a logical
// replication slot with the pgoutput plugin, protocol version 1.
//
// The connection is made by pgconn, which knows authentication and TLS; from
// the first byte of the stream on, framing and decoding are here, because a
// message costs the server and us less that way and because hostile bytes must
// end in an error. Formats are those of the PostgreSQL documentation, chapters
// "Streaming Replication Protocol", "Message Formats" and "Logical Replication
// Message Formats".
//
// A stream has two goroutines: the pipeline's reader, which calls Next, and a
// keeper, which tells the server what is confirmed and that we are alive,
// however slow the reader is. A second, ordinary connection answers questions
// about the catalog and notices that the server wants to shut down.
package postgres
