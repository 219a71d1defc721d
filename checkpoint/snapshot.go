package checkpoint

// A Snapshot is how far the copies of tables have come that are joined to the
// stream (C5). It is never altered once it is in a State: who changes it makes
// another one.
type Snapshot struct {
	// Life rises, and is saved, before the first row is published that a copy has
	// read: it is part of the ver of such rows, so that no two have the same (C2.4).
	Life uint32 `json:"life"`
	// Asked is the number of the last copy that was asked for.
	Asked uint64 `json:"asked,omitempty"`
	// First says that it was chosen which tables are copied unasked: Copied and Copies
	// have them all.
	First bool `json:"first,omitempty"`
	// Copied are the tables whose first copy is done, or that needed none.
	Copied []string `json:"copied,omitempty"`
	// Copies are those to be made or under way, in order.
	Copies []TableCopy `json:"copies,omitempty"`
	// Hidden are tables of which the stream brings transactions that a copy has shown.
	Hidden []HiddenTable `json:"hidden,omitempty"`
}

// A TableCopy is one copy of one table.
type TableCopy struct {
	ID    uint64     `json:"id,omitempty"` // 0: the first copy
	Table string     `json:"table"`        // namespace.name
	Where string     `json:"where,omitempty"`
	Since uint32     `json:"since"`           // Life in which it was put here: in a later one rows of it may have been published
	Begun bool       `json:"begun,omitempty"` // Left says what is left; else everything is
	Left  []KeyRange `json:"left,omitempty"`
	Shape string     `json:"shape,omitempty"` // of the key that Left was cut by: its columns, their types and order
	// Again are keys that are read once more: the stream has brought a part of their
	// rows only.
	Again [][]string `json:"again,omitempty"`
	Rows  uint64     `json:"rows,omitempty"` // published so far
}

// A KeyRange is the keys behind After up to and with UpTo; nil is the table's end.
type KeyRange struct {
	After []string `json:"after,omitempty"`
	UpTo  []string `json:"up_to,omitempty"`
}

// A HiddenTable is one without a key that was copied at one place of the stream in a
// view of a later one: until End the stream leaves out what the view has shown (C5.5).
type HiddenTable struct {
	Table string `json:"table"`
	View  string `json:"view"` // for capture.Copier.Shows
	End   string `json:"end"`  // a position
}
