package binlog

import "slices"

// ParseExecuteLoadQuery reads an EXECUTE_LOAD_QUERY_EVENT, a statement with four
// more fields between its fixed ones and its status variables (MySQL:
// "Execute_load_query_event"). The body has no checksum.
func ParseExecuteLoadQuery(body []byte) (QueryEvent, error) {
	const fixed, more = 13, 13 // file id, start and end of its name, what becomes of duplicates
	c := cursor{b: body}
	c.take(fixed+more, "fixed fields")
	if err := c.err(ExecuteLoadQuery); err != nil {
		return QueryEvent{}, err
	}
	return parseQuery(ExecuteLoadQuery, slices.Concat(body[:fixed], body[fixed+more:]))
}
