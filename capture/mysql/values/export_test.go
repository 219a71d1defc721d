package values

// CharsetName is what the test of the table of collations looks at.
func CharsetName(collation uint16) string { return charsetName(collation) }
