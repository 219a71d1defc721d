// Package walk changes tables so that package oracle can judge what arrives of them:
// a step walk. Each row has a number n that every update raises by one. A row that
// comes back after its delete begins above its last n, and one that gets another key
// keeps it.
//
// Several writers work at once. Each has rows of its own in all tables, of which it
// knows every n; what it wants to know of a row is never asked of the server, which may
// still be hiding what it has committed.
package walk
