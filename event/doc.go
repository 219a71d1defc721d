// Package event holds the words of a changelog: positions, vers,
// transactions, and changes whose rows are spans of the raw log.
//
// Nothing here allocates per row. A source's reader fills a Unit with raw
// bytes and items; a worker cuts the items into Changes, whose values are
// slices of the unit's raw buffer; an encoder appends them to an output
// buffer.
package event
