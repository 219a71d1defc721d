package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// A Record is what a partition holds of one event.
type Record struct {
	Key   []byte // of Kafka; nil for a file
	Value []byte
}

// An event is one that was read, without its bytes.
type event struct {
	op        byte
	ver       string
	snapshot  bool
	partition int
	number    int // of the record in its partition, from 1
	sum       uint64

	key           string // of the row, behind the change unless it is a delete
	movedFrom     string // key of the row that the columns that are not known come from
	before, after []value
}

// life is that of the daemon that read the row of a snapshot: the upper half of the
// event part.
func (e *event) life() string { return e.ver[26:34] }

var seed = maphash.MakeSeed()

const verLen = len("00000000/0000000000000000/0000000000000000/00000000")

// parse reads a record of a table.
func parse(t *Table, r Record) (*event, error) {
	var doc struct {
		Op     string                     `json:"op"`
		Before map[string]json.RawMessage `json:"before"`
		After  map[string]json.RawMessage `json:"after"`
		Absent []string                   `json:"absent"`
		Source struct {
			Snapshot string `json:"snapshot"`
			Table    string `json:"table"`
		} `json:"source"`
		Ver       string                     `json:"ver"`
		MovedFrom map[string]json.RawMessage `json:"moved_from"`
	}
	if err := json.Unmarshal(r.Value, &doc); err != nil {
		return nil, fmt.Errorf("it is no event: %w", err)
	}
	e := &event{ver: doc.Ver, snapshot: doc.Source.Snapshot == "true", sum: maphash.Bytes(seed, r.Value)}
	switch {
	case len(doc.Op) != 1 || !strings.Contains("crudt", doc.Op):
		return nil, fmt.Errorf("the op %q is not known", doc.Op)
	case len(doc.Ver) != verLen:
		return nil, fmt.Errorf("the ver %q has not the form 8/16/16/8", doc.Ver)
	case doc.Source.Table != t.Name:
		return nil, fmt.Errorf("it is of the table %s", doc.Source.Table)
	}
	e.op = doc.Op[0]
	if e.op == 'r' && !e.snapshot || e.snapshot && e.op != 'r' && e.op != 't' {
		return nil, fmt.Errorf("the op %c has snapshot %q", e.op, doc.Source.Snapshot)
	}
	var errs [3]error
	e.before, errs[0] = t.row(doc.Before)
	e.after, errs[1] = t.row(doc.After)
	from, err := t.row(doc.MovedFrom)
	errs[2] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if from != nil {
		e.movedFrom = t.keyOf(from)
	}
	if err := e.shape(t, doc.Absent); err != nil {
		return nil, err
	}
	return e, e.keyed(t, r.Key)
}

// row reads an object of columns; nil for null.
func (t *Table) row(columns map[string]json.RawMessage) ([]value, error) {
	if columns == nil {
		return nil, nil
	}
	row := make([]value, len(t.Columns))
	for i, name := range t.Columns {
		raw, there := columns[name]
		if !there {
			continue
		}
		delete(columns, name)
		row[i] = value{present, string(raw)}
		switch raw[0] {
		case 'n':
			row[i] = value{state: null}
		case '"':
			if err := json.Unmarshal(raw, &row[i].text); err != nil {
				return nil, fmt.Errorf("column %s is no string: %w", name, err)
			}
		}
	}
	for name := range columns {
		return nil, fmt.Errorf("there is no column %s", name)
	}
	return row, nil
}

// shape holds before, after and absent against the op.
func (e *event) shape(t *Table, absent []string) error {
	old, new := e.op == 'u' || e.op == 'd', e.op == 'c' || e.op == 'u' || e.op == 'r'
	if (e.before != nil) != old || (e.after != nil) != new {
		return fmt.Errorf("before and after do not fit the op %c", e.op)
	}
	if e.op == 'r' && len(absent) > 0 {
		return errors.New("a row that was read lacks columns")
	}
	for i, name := range t.Columns {
		if new && slices.Contains(absent, name) != (e.after[i].state == unknown) {
			return fmt.Errorf("column %s is neither carried nor absent", name)
		}
	}
	return nil
}

// keyed finds the key of the row, and holds that of the record against it.
func (e *event) keyed(t *Table, record []byte) error {
	if t.Key == nil || e.op == 't' {
		return nil
	}
	if e.before != nil {
		e.key = t.keyOf(e.before)
	}
	if e.after != nil {
		behind := t.keyOf(e.after)
		if behind == "" {
			behind = e.key
			for _, i := range t.index(t.Key...) {
				e.after[i] = e.before[i]
			}
		}
		if e.before != nil && behind != e.key {
			return errors.New("an update changes the key")
		}
		e.key = behind
	}
	if e.key == "" {
		return errors.New("it has no key")
	}
	if record == nil {
		return nil
	}
	var columns map[string]json.RawMessage
	if err := json.Unmarshal(record, &columns); err != nil {
		return fmt.Errorf("the record's key is no object: %w", err)
	}
	row, err := t.row(columns)
	if err == nil && t.keyOf(row) != e.key {
		err = errors.New("the record has not the key of its row")
	}
	return err
}

// step returns n of a row, -1 if the row does not carry it.
func (t *Table) step(row []value) (int64, error) {
	at := t.index(Step)[0]
	if row == nil || row[at].state != present {
		return -1, nil
	}
	n, err := strconv.ParseInt(row[at].text, 10, 64)
	if err != nil {
		return -1, fmt.Errorf("%s is no number", Step)
	}
	return n, nil
}

// whole says what of a row does not belong together: Echo is written with each n, and
// Wide with an n that is not higher.
func (t *Table) whole(row []value) error {
	n, err := t.step(row)
	if err != nil || n < 0 {
		return err
	}
	if echo := row[t.index(Echo)[0]]; echo.state != unknown && echo.text != StepText(n) {
		return fmt.Errorf("%s says %s, %s says %d: parts of two rows", Echo, echo.text, Step, n)
	}
	for _, i := range t.index(Wide) {
		if row[i].state != present {
			continue
		}
		if w, err := strconv.ParseInt(row[i].text[:min(stepDigits, len(row[i].text))], 10, 64); err != nil || w > n {
			return fmt.Errorf("%s is of a later step than %s, which is %d", Wide, Step, n)
		}
	}
	return nil
}
