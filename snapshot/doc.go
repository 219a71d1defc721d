// Package snapshot copies tables while their changes are followed, and joins the
// rows to the stream so that no reader ends with an older value (C5). It reads in
// chunks, holds no lock on rows and writes nothing to the source.
//
// A chunk is rows of one view of the database. Before the view is opened, at the end
// of a transaction of the stream, the keys that events touch begin to be noted. The
// rows are handed on at the end of a transaction from which on the stream has brought
// all that the view shows, less those whose keys were touched since: these the
// reader has from the stream.
package snapshot
