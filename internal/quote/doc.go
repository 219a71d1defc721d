// Package quote writes text into other languages: strings and numbers of JSON,
// and names and literals of SQL. All of it is pure and safe for concurrent use.
package quote
