// Package transform decides what becomes of a table: which topic its events go
// to. It is pure and knows no server.
package transform
