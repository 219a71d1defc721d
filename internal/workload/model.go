package workload

// A model is the rows that a writer has put into a table and not yet removed,
// with what is needed to take back a transaction.
type model struct {
	table *table
	rows  []*row
	next  int // number of the next row
}

// A row of the model. It is in the table copies times.
type row struct {
	values []value
	copies int
	at     int // in model.rows
}

// undo takes changes of the model back, the latest first.
type undo []func()

// to takes back what came after the mark.
func (u *undo) to(mark int) {
	for i := len(*u) - 1; i >= mark; i-- {
		(*u)[i]()
	}
	*u = (*u)[:mark]
}

func (m *model) add(r *row) {
	r.at = len(m.rows)
	m.rows = append(m.rows, r)
}

func (m *model) remove(r *row) {
	last := len(m.rows) - 1
	m.rows[r.at] = m.rows[last]
	m.rows[r.at].at = r.at
	m.rows = m.rows[:last]
}

func (m *model) insert(r *row, u *undo) {
	m.add(r)
	*u = append(*u, func() { m.remove(r) })
}

func (m *model) delete(r *row, u *undo) {
	m.remove(r)
	*u = append(*u, func() { m.add(r) })
}

func (m *model) update(r *row, values []value, u *undo) {
	old := r.values
	r.values = values
	*u = append(*u, func() { r.values = old })
}

// repeat makes a row be there so often.
func (m *model) repeat(r *row, copies int, u *undo) {
	old := r.copies
	r.copies = copies
	*u = append(*u, func() { r.copies = old })
}

func (m *model) truncate(u *undo) {
	old := m.rows
	m.rows = nil
	*u = append(*u, func() { m.rows = old })
}
