package postgres

// AppendTuple turns a row of COPY into one of the stream.
func AppendTuple(dst, line []byte, columns int) ([]byte, error) {
	return appendTuple(dst, line, columns)
}

// NewReadSplitter returns what cuts rows of a snapshot.
func NewReadSplitter() readSplitter { return readSplitter{} }
