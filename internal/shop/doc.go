// Package shop is a small shop whose rows keep changing: the workload of
// tailrace demo. It makes every kind of change that a log can carry: inserts,
// updates that leave a long text alone, deletes, transactions over several
// tables, some rolled back, keys that change, and truncated tables, with values
// of the types that are easily altered on the way.
package shop
