// Package schema holds the words for a table as a log describes it at one
// moment: its columns, its key, and the codecs that read its values.
package schema
