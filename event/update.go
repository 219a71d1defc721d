package event

// EmitUpdate emits c, whose Before and After a source has filled, as one update,
// or as a delete and an insert if the key changed: one update would leave a stale
// row in every reader that upserts. What the new row lacks has not changed, and is
// taken from the old one where that has it; a key change that can't be completed
// links both sides (C3.2). Splitters call it.
func (c *Change) EmitUpdate(emit func(*Change) error) error {
	before, after := c.Before, c.After
	complete := true
	for i := range after {
		if after[i].State == Absent {
			after[i] = before[i]
			complete = complete && after[i].State != Absent
		}
	}
	if !c.keyChanged() {
		return emit(c)
	}
	c.Op, c.After = Delete, nil
	if !complete {
		c.Moved = after
	}
	if err := emit(c); err != nil {
		return err
	}
	c.Op, c.Before, c.After = Insert, nil, after
	c.Ver.Row++
	if !complete {
		c.Moved = before
	}
	return emit(c)
}

// keyChanged compares values: an old key may be sent although it is the same
// (C3.1).
func (c *Change) keyChanged() bool {
	for _, i := range c.Table.Key {
		b, a := &c.Before[i], &c.After[i]
		if b.State == Absent || a.State == Absent {
			continue
		}
		if b.State != a.State || a.State == Present && !c.Table.Columns[i].Codec.Equal(b.Raw, a.Raw) {
			return true
		}
	}
	return false
}
