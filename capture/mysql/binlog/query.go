package binlog

// A QueryEvent is a statement, or the BEGIN of a transaction.
type QueryEvent struct {
	Database []byte // the session's default database, may be empty
	Text     []byte

	status []byte
}

// ParseQuery reads a QUERY_EVENT (MySQL: "Query_event"). The body has no
// checksum; what is returned points into it.
func ParseQuery(body []byte) (QueryEvent, error) {
	return parseQuery(Query, body)
}

// ParseQueryCompressed reads MariaDB's QUERY_COMPRESSED_EVENT. Text is
// allocated; one of more than limit bytes is ErrTooLarge.
func ParseQueryCompressed(body []byte, limit int) (QueryEvent, error) {
	q, err := parseQuery(QueryCompressed, body)
	if err != nil {
		return QueryEvent{}, err
	}
	if q.Text, err = inflate(nil, q.Text, limit, QueryCompressed); err != nil {
		return QueryEvent{}, err
	}
	return q, nil
}

func parseQuery(t EventType, body []byte) (QueryEvent, error) {
	c := cursor{b: body}
	c.uint32("thread")
	c.uint32("execution time")
	databaseLen := uint64(c.uint8("length of the database's name"))
	c.uint16("error code")
	statusLen := uint64(c.uint16("length of the status variables"))
	q := QueryEvent{status: c.take(statusLen, "status variables")}
	q.Database = c.take(databaseLen, "database's name")
	c.zero("end of the database's name")
	q.Text = c.b
	if err := c.err(t); err != nil {
		return QueryEvent{}, err
	}
	return q, nil
}

// Status variables (MySQL: Query_event_status_vars).
const (
	statusCatalog      = 2
	statusTimeZone     = 5
	statusCatalogNZ    = 6
	statusInvoker      = 11
	statusUpdatedNames = 12

	// overMaxDatabases stands for more names than the 16 that are listed.
	overMaxDatabases = 254
)

// statusLen has the lengths of the status variables that have a fixed one.
var statusLen = map[uint8]uint64{
	0: 4, 1: 8, 3: 4, 4: 6, 7: 2, 8: 2, 9: 8, 10: 4, 13: 3, 16: 1, 17: 8, 18: 2, 19: 1, 20: 1,
}

// Updated returns the databases that the statement changed, as far as the event
// says: said is false if it does not. MariaDB never does, and MySQL not when
// they are more than 16. The names point into the event.
func (q *QueryEvent) Updated() (names [][]byte, said bool, err error) {
	c := cursor{b: q.status}
	for c.more() {
		code := c.uint8("status variable")
		switch code {
		case statusCatalog:
			c.shortBytes("catalog")
			c.zero("catalog")
		case statusTimeZone, statusCatalogNZ:
			c.shortBytes("time zone or catalog")
		case statusInvoker:
			c.shortBytes("invoker")
			c.shortBytes("invoker")
		case statusUpdatedNames:
			n := c.uint8("number of databases")
			if n == overMaxDatabases {
				return nil, false, nil
			}
			for range n {
				names = append(names, c.terminated("name of a database"))
			}
			if err := c.err(Query); err != nil {
				return nil, false, err
			}
			return names, true, nil
		default:
			n, known := statusLen[code]
			if !known {
				return nil, false, nil // variables have no common form: what is behind can't be found
			}
			c.take(n, "status variable")
		}
	}
	return nil, false, c.err(Query)
}
