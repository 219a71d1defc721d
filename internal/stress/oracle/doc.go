// Package oracle judges what a consumer got of tables that a step walk changed
// while they were copied (C5). It imports nothing of the product: what it knows of
// events it reads from their bytes.
//
// In a step walk each row carries a number n. Every update raises it by one, a row
// that comes back after its delete begins above its last n, and a row that gets
// another key keeps it. So the order of all states of a key is in the states, and an
// older value that arrives after a newer one shows, wherever it comes from.
//
// Each partition is first read as it arrived: what is sent again after a restart has
// the bytes it had, and leads up to the newest change before anything new comes. Then
// all first arrivals of a table are applied in the order of their vers, which is that
// of the log, and each has to be the next step of its key: a row that a snapshot read
// shows exactly what the changes before it had led to. In the end both, what came
// last and what has the highest ver, must be what the table holds.
package oracle
