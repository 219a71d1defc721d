package mysql

import (
	"bytes"
	"net"

	"github.com/tailrace/tailrace/event"
)

// ReadAnswer reads the answer to a SELECT and returns its rows. held is the largest
// buffer that was needed.
func ReadAnswer(conn net.Conn, max int) (rows [][]byte, held int, err error) {
	a := answer{max: max}
	a.begin(conn)
	if err := a.head(); err != nil {
		return nil, len(a.buf), err
	}
	for {
		row, ok, err := a.next()
		if held = len(a.buf) + cap(a.long); err != nil || !ok {
			return rows, held, err
		}
		rows = append(rows, bytes.Clone(row))
	}
}

// CutCells cuts a row that a SELECT answered.
func CutCells(b []byte, columns int) (event.Row, error) {
	row := make(event.Row, columns)
	err := cutCells(b, row)
	return row, err
}
